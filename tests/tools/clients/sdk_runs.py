"""Runs through Microsoft's Python SDK: an upload, the four kinds of requests, history, logs, canceling, and what must be refused."""

import base64
import io
import ssl
import tarfile
import urllib.request

from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.mgmt.containerregistrytasks.models import (
    AgentPool,
    AgentPoolProperties,
    DockerBuildRequest,
    EncodedTaskRunRequest,
    EncodedTaskStep,
    FileTaskRunRequest,
    OverrideTaskStepProperties,
    PlatformProperties,
    RunUpdateParameters,
    SetValue,
    Task,
    TaskRunRequest,
)

from stage import GROUP, LOCATION, PATIENCE_SECONDS, REGISTRY, RUN_SECONDS, Surprise, expect, expect_equal, say

POOL, TASK = "sdk-runs", "sdk-runner"
LINUX = PlatformProperties(os="Linux", architecture="amd64")


def encoded(text):
    return base64.b64encode(text.encode()).decode()


def archive(**files):
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for name, text in files.items():
            entry = tarfile.TarInfo(name.replace("_", "."))
            entry.size = len(text)
            tar.addfile(entry, io.BytesIO(text.encode()))
    return packed.getvalue()


def storage(emulator, url, method="GET", data=None, **headers):
    """Storage speaks for itself: no token, only the signature in the URL."""
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(url, data=data, method=method, headers=headers)
    context = ssl.create_default_context(cafile=emulator.variables["SSL_CERT_FILE"])
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))
    with opener.open(request, timeout=PATIENCE_SECONDS) as answer:
        return answer.status, dict(answer.headers), answer.read()


def refused(what, call, status, code, error=HttpResponseError):
    try:
        call()
    except error as refusal:
        expect_equal(f"the status and code of {what}", (refusal.status_code, refusal.error.code), (status, code))
        return
    raise Surprise(f"{what} was not refused")


def later(emulator, seconds):
    emulator.ask("clock", "POST", {"advance_seconds": seconds})


def exercise(client, reader, emulator, version):
    """The clock is frozen: time passes when it is told to."""
    say(f"-- azure-mgmt-containerregistrytasks, {version}: upload, build, log")
    pool = AgentPool(location=LOCATION, properties=AgentPoolProperties(count=1, tier="S1", os="Linux"))
    client.agent_pools.begin_create(GROUP, REGISTRY, POOL, pool, polling=False)
    later(emulator, PATIENCE_SECONDS)
    upload = client.registries.get_build_source_upload_url(GROUP, REGISTRY)
    status, _, _ = storage(
        emulator, upload.upload_url, "PUT", archive(Dockerfile="FROM alpine\nRUN echo hello\n"), x_ms_blob_type="BlockBlob"
    )
    expect_equal("the status of the upload", status, 201)
    build = DockerBuildRequest(
        docker_file_path="Dockerfile",
        image_names=["sdk:v1"],
        platform=LINUX,
        source_location=upload.relative_path,
        agent_pool_name=POOL,
    )
    queued = client.registries.schedule_run(GROUP, REGISTRY, build)
    second = client.registries.schedule_run(GROUP, REGISTRY, build)
    expect_equal("the new run", (queued.properties.status, queued.properties.create_time), ("Queued", None))
    expect_equal("the queue", client.agent_pools.get_queue_status(GROUP, REGISTRY, POOL).count, 2)
    later(emulator, RUN_SECONDS / 2)
    statuses = [client.runs.get(GROUP, REGISTRY, run.name).properties.status for run in (queued, second)]
    expect_equal("the two runs on one instance", statuses, ["Running", "Queued"])
    link = client.runs.get_log_sas_url(GROUP, REGISTRY, queued.name).log_link
    _, headers, begun = storage(emulator, link)
    expect("x-ms-meta-complete" not in headers, "the log of a running run is complete")
    later(emulator, RUN_SECONDS * 5)
    run = client.runs.get(GROUP, REGISTRY, queued.name).properties
    found = (run.status, run.run_type, run.agent_pool_name, run.run_error_message)
    expect_equal("its end", found, ("Succeeded", "QuickRun", POOL, None))
    expect(run.create_time < run.start_time < run.finish_time, "the times of the run are out of order")
    expect_equal("its image", (run.output_images[0].repository, run.output_images[0].tag), ("sdk", "v1"))
    status, headers, rest = storage(emulator, link, x_ms_range=f"bytes={len(begun)}-")
    expect_equal("the rest of the log", (status, headers["x-ms-meta-complete"]), (206, "successful"))
    expect(b"hello" in begun + rest and b"was successful" in rest, f"the log is {begun + rest!r}")

    say(f"-- azure-mgmt-containerregistrytasks, {version}: commands, files, tasks, history")
    steps = "steps:\n  - cmd: bash echo {{.Values.word}}\n"
    command = EncodedTaskRunRequest(
        encoded_task_content=encoded(steps), platform=LINUX, values_property=[SetValue(name="word", value="one")]
    )
    upload = client.registries.get_build_source_upload_url(GROUP, REGISTRY)
    storage(emulator, upload.upload_url, "PUT", archive(acb_yaml=steps, words_yaml="word: two\n"), x_ms_blob_type="BlockBlob")
    file = FileTaskRunRequest(
        task_file_path="acb.yaml", values_file_path="words.yaml", platform=LINUX, source_location=upload.relative_path
    )
    step = EncodedTaskStep(encoded_task_content=encoded(steps))
    task = Task(location=LOCATION, properties={"step": step, "platform": LINUX, "agentPoolName": POOL})
    task = client.tasks.create(GROUP, REGISTRY, TASK, task)
    override = OverrideTaskStepProperties(values_property=[SetValue(name="word", value="three")])
    of_task = TaskRunRequest(task_id=task.id, override_task_step_properties=override)
    for request, word in ((command, b"one"), (file, b"two"), (of_task, b"three")):
        run = client.registries.schedule_run(GROUP, REGISTRY, request)
        later(emulator, RUN_SECONDS * 5)
        expect_equal("its status", client.runs.get(GROUP, REGISTRY, run.name).properties.status, "Succeeded")
        _, _, log = storage(emulator, client.runs.get_log_sas_url(GROUP, REGISTRY, run.name).log_link)
        expect(b"\n" + word + b"\r\n" in log, f"the log does not show {word}: {log!r}")
    listed = list(client.runs.list(GROUP, REGISTRY, filter=f"TaskName eq '{TASK}'", top=1))
    expect_equal("the task's newest run", [run.name for run in listed], [run.name])
    kept = client.runs.update(GROUP, REGISTRY, run.name, RunUpdateParameters(is_archive_enabled=True))
    expect_equal("whether it is kept", kept.properties.is_archive_enabled, True)

    say(f"-- azure-mgmt-containerregistrytasks, {version}: cancel, and what must be refused")
    waiting = client.registries.schedule_run(GROUP, REGISTRY, of_task)
    refused("canceling by someone who may only read", lambda: reader.runs.cancel(GROUP, REGISTRY, waiting.name), 403, "AuthorizationFailed")
    client.runs.cancel(GROUP, REGISTRY, waiting.name)
    expect_equal("the canceled run", client.runs.get(GROUP, REGISTRY, waiting.name).properties.status, "Canceled")
    build.source_location = "tasks-source/202601010000/none.tar.gz"
    refused("a source that was never sent", lambda: client.registries.schedule_run(GROUP, REGISTRY, build), 400, "InvalidSourceLocation")
    refused("reading an unknown run", lambda: client.runs.get(GROUP, REGISTRY, "cf999"), 404, "ResourceNotFound", ResourceNotFoundError)
    client.tasks.delete(GROUP, REGISTRY, TASK)
    client.agent_pools.begin_delete(GROUP, REGISTRY, POOL, polling=False)
    later(emulator, PATIENCE_SECONDS)
