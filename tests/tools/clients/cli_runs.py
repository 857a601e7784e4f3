"""`az acr build`, `az acr run`, `az acr task run` and their logs: on a pool and without one, to a good end and to a bad one."""

import json
import os

from stage import GROUP, REGISTRY, expect, expect_equal, say

POOL = "cli-runs"
TASK = "cli-runner"

# What the CLI ends with when the object does not exist.
NOT_FOUND = 3

# So many bytes that the CLI sends blocks: it sends up to 64 MiB in one go.
LARGE = 70 * 1024 * 1024


def run_id(complaints):
    """The CLI tells it on standard error."""
    return complaints.split(" with ID: ")[1].split()[0]


def shown(az, run):
    return az.json("acr", "task", "show-run", "-r", REGISTRY, "--run-id", run)


def written(folder, name, **files):
    context = folder / name
    context.mkdir()
    for file, text in files.items():
        (context / file.replace("_", ".")).write_text(text)
    return context


def builds(az, folder):
    say("-- az acr build: a folder, on a pool")
    context = written(folder, "context", Dockerfile="FROM alpine\nARG WORD\nRUN echo hello $WORD\n", app_txt="x", left_txt="y")
    (context / ".dockerignore").write_text("left.txt\n")
    build = ("acr", "build", "-r", REGISTRY, "--agent-pool", POOL)
    log, told = az.run(*build, "-t", "app:{{.Run.ID}}", "--build-arg", "WORD=world", str(context))
    first = run_id(told)
    expect("hello world" in log, f"the log does not show what the build printed: {log!r}")
    expect(f"Run ID: {first} was successful after" in log, f"the log does not end as it must: {log!r}")
    run = shown(az, first)
    expect_equal("the run", (run["runId"], run["status"], run["agentPoolName"]), (first, "Succeeded", POOL))
    image = run["outputImages"][0]
    expect_equal("its image", (image["registry"], image["repository"], image["tag"]), (f"{REGISTRY}.azurecr.io", "app", first))
    expect_equal("its digest", image["digest"][:7], "sha256:")
    found = az.json("acr", "task", "list-runs", "-r", REGISTRY, "--image", f"app@{image['digest']}")
    expect_equal("the runs of the image", [run["runId"] for run in found], [first])

    say("-- az acr build: secrets, no push, and what fails")
    log, told = az.run(*build, "--secret-build-arg", "WORD=hush-build", str(context))
    expect("hello ***" in log and "hush-build" not in log + told, f"a secret is in the log: {log!r}")
    expect_equal("the images that were not pushed", shown(az, run_id(told))["outputImages"], None)
    broken = written(folder, "broken", Dockerfile="FROM alpine\nRUN echo almost && exit 3\n")
    log, told = az.run(*build, "-t", "app", str(broken), code=1)
    expect("almost" in log and "Run failed" in told, f"a failing build says {log!r} and {told!r}")
    failed = shown(az, run_id(told))
    expect_equal("the failed run", (failed["status"], failed["runErrorMessage"]), ("Failed", "failed during run, err: exit status 1"))
    gone = written(folder, "gone", Dockerfile="FROM alpine\nCOPY left.txt /\n")
    az.run(*build, "-t", "app", str(gone), code=1)
    _, told = az.run("acr", "build", "-r", REGISTRY, "--agent-pool", "no-pool", str(context), code=NOT_FOUND)
    expect("EntityNotFound" in told, f"a pool that does not exist is refused with {told!r}")

    say("-- az acr build: a repository, and a context that is sent in blocks")
    log, _ = az.run(*build, "-t", "app", "https://github.com/contoso/app.git")
    expect("was successful" in log, f"building a repository says {log!r}")
    (context / "large.bin").write_bytes(os.urandom(LARGE))
    log, _ = az.run("acr", "build", "-r", REGISTRY, "-t", "app", str(context))
    expect("was successful" in log, f"building a large context says {log!r}")


def commands(az, folder):
    say("-- az acr run: a command, a file")
    log, told = az.run("acr", "run", "-r", REGISTRY, "--cmd", "bash echo hello", "/dev/null")
    expect("hello" in log, f"the log does not show what the command printed: {log!r}")
    expect_equal("a run without a pool", shown(az, run_id(told))["agentPoolName"], None)
    steps = "steps:\n  - cmd: bash echo from {{.Values.place}}\n  - build: -t stepped:1 .\n  - push: ['stepped:1']\n"
    context = written(folder, "steps", acb_yaml=steps, Dockerfile="FROM alpine\n")
    log, told = az.run("acr", "run", "-r", REGISTRY, "-f", "acb.yaml", "--set", "place=afar", "--agent-pool", POOL, str(context))
    expect("from afar" in log, f"the log does not show what the file's step printed: {log!r}")
    expect_equal("its images", [image["repository"] for image in shown(az, run_id(told))["outputImages"]], ["stepped"])


def tasks(az):
    say("-- az acr task: run, logs, list-runs, show-run, update-run, cancel-run")
    task = ("-r", REGISTRY, "-n", TASK)
    az.json("acr", "task", "create", *task, "-c", "/dev/null", "--cmd", "bash echo from a task", "--agent-pool", POOL)
    log, told = az.run("acr", "task", "run", *task)
    done = run_id(told)
    expect("from a task" in log, f"the log does not show what the task printed: {log!r}")
    expect_equal("the task's run", (shown(az, done)["task"], shown(az, done)["agentPoolName"]), (TASK, POOL))
    for which in (("-n", TASK), ("--run-id", done), ()):
        log, _ = az.run("acr", "task", "logs", "-r", REGISTRY, *which)
        expect(f"Run ID: {done} was successful" in log, f"the log of {which} is {log!r}")
    listed = az.json("acr", "task", "list-runs", *task)
    expect_equal("the task's runs", [run["runId"] for run in listed], [done])
    kept = az.json("acr", "task", "update-run", "-r", REGISTRY, "--run-id", done, "--no-archive", "false")
    expect_equal("whether it is kept", kept["isArchiveEnabled"], True)

    az.run("acr", "agentpool", "update", "-r", REGISTRY, "-n", POOL, "--count", "0", "--no-wait")
    waiting = run_id(az.run("acr", "task", "run", *task, "--no-wait")[1])
    queue = az.json("acr", "agentpool", "show", "-r", REGISTRY, "-n", POOL, "--queue-count")
    expect_equal("the queue", queue["count"], 1)
    found = az.json("acr", "task", "list-runs", "-r", REGISTRY, "--run-status", "Queued", "-n", TASK)
    expect_equal("the queued runs", [run["runId"] for run in found], [waiting])
    az.run("acr", "task", "cancel-run", "-r", REGISTRY, "--run-id", waiting)
    expect_equal("the canceled run", shown(az, waiting)["status"], "Canceled")
    queue = az.json("acr", "agentpool", "show", "-r", REGISTRY, "-n", POOL, "--queue-count")
    expect_equal("the queue in the end", queue["count"], 0)
    az.run("acr", "task", "delete", *task, "--yes")


def exercise(az, folder):
    az.secrets.append("hush-build")
    az.run("acr", "agentpool", "create", "-r", REGISTRY, "-n", POOL, "--no-wait")
    builds(az, folder)
    commands(az, folder)
    tasks(az)
    az.run("acr", "agentpool", "delete", "-r", REGISTRY, "-n", POOL, "-g", GROUP, "--yes", "--no-wait")
    while json.loads(az.run("acr", "agentpool", "list", "-r", REGISTRY)[0]):
        pass
