"""Tasks through Microsoft's Python SDK: create, read, update, list, secrets, timers, delete, and what must be refused."""

from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.mgmt.containerregistrytasks.models import (
    AgentProperties,
    Argument,
    AuthInfo,
    BaseImageTrigger,
    Credentials,
    CustomRegistryCredentials,
    DockerBuildStep,
    EncodedTaskStep,
    IdentityProperties,
    PlatformProperties,
    SecretObject,
    SourceProperties,
    SourceRegistryCredentials,
    SourceTrigger,
    Task,
    TaskUpdateParameters,
    TimerTrigger,
    TimerTriggerUpdateParameters,
    TriggerProperties,
    TriggerUpdateParameters,
)

from stage import GROUP, LOCATION, REGISTRY, Surprise, expect, expect_equal, say

NAME = "sdk-task"
CONTEXT = "https://github.com/contoso/app.git"

# Each at a place of its own, so that one that shows up or is lost says where.
SECRETS = ["hush-context", "hush-argument", "hush-token", "hush-endpoint", "hush-user", "hush-password"]

# The only version that knows which identity logs in at the source registry.
NEWEST = "2025-03-01-preview"


def wanted(cpu=2, timeout=3600, schedule="0 1 * * *"):
    step = DockerBuildStep(
        context_path=CONTEXT,
        context_access_token="hush-context",
        docker_file_path="Dockerfile",
        image_names=["app:{{.Run.ID}}"],
        arguments=[Argument(name="OPEN", value="plain"), Argument(name="SHUT", value="hush-argument", is_secret=True)],
    )
    repository = SourceProperties(
        source_control_type="Github",
        repository_url=CONTEXT,
        branch="main",
        source_control_auth_properties=AuthInfo(token_type="PAT", token="hush-token"),
    )
    custom = CustomRegistryCredentials(
        user_name=SecretObject(type="Opaque", value="hush-user"), password=SecretObject(type="Opaque", value="hush-password")
    )
    return Task(
        location=LOCATION,
        tags={"team": "build"},
        identity=IdentityProperties(type="SystemAssigned"),
        platform=PlatformProperties(os="Linux", architecture="amd64"),
        agent_configuration=AgentProperties(cpu=cpu),
        timeout=timeout,
        step=step,
        trigger=TriggerProperties(
            timer_triggers=[TimerTrigger(name="nightly", schedule=schedule)],
            source_triggers=[SourceTrigger(name="push", source_trigger_events=["commit"], source_repository=repository)],
            base_image_trigger=BaseImageTrigger(
                name="base", base_image_trigger_type="Runtime", update_trigger_endpoint="https://hush-endpoint.example/"
            ),
        ),
        credentials=Credentials(
            source_registry=SourceRegistryCredentials(login_mode="Default", identity="[system]"),
            custom_registries={"other.example": custom},
        ),
    )


def secrets_in(task):
    text = str(task.as_dict())
    return [secret for secret in SECRETS if secret in text]


def check(task, version, timers, secrets=()):
    expect_equal("the task's name", task.name, NAME)
    expect_equal("its type", task.type, "Microsoft.ContainerRegistry/registries/tasks")
    expect_equal("its location and tags", (task.location, task.tags), (LOCATION, {"team": "build"}))
    expect_equal("its state and status", (task.provisioning_state, task.status), ("Succeeded", "Enabled"))
    expect(task.creation_date.tzinfo, "its creation date has no time zone")
    expect(len(task.identity.principal_id) == 36 and len(task.identity.tenant_id) == 36, "its identity has no ids")
    expect(isinstance(task.step, DockerBuildStep), f"its step is a {type(task.step).__name__}")
    expect_equal("whether it pushes and caches", (task.step.is_push_enabled, task.step.no_cache), (True, False))
    expect_equal("its open argument", task.step.arguments[0].value, "plain")
    expect_equal("its timers", [timer.name for timer in task.trigger.timer_triggers], timers)
    expect_equal("its source trigger", task.trigger.source_triggers[0].source_repository.repository_url, CONTEXT)
    expect_equal("its registries", list(task.credentials.custom_registries), ["other.example"])
    identity = "[system]" if version == NEWEST else None
    expect_equal("the source registry's identity", task.credentials.source_registry.identity, identity)
    expect_equal("the secrets it shows", secrets_in(task), list(secrets))


def refused(doing, call, status, code, kind=HttpResponseError):
    try:
        call()
    except kind as error:
        expect_equal(f"the status and code of {doing}", (error.status_code, error.error and error.error.code), (status, code))
        say(f"    {doing}: {type(error).__name__}, {status} {code}")
        return
    raise Surprise(f"{doing} succeeded")


def exercise(client, reader, version):
    say(f"-- azure-mgmt-containerregistrytasks {version}: tasks")
    tasks = client.tasks
    check(tasks.create(GROUP, REGISTRY, NAME, wanted()), version, ["nightly"])
    check(tasks.get(GROUP, REGISTRY, NAME), version, ["nightly"])
    check(tasks.get_details(GROUP, REGISTRY, NAME), version, ["nightly"], SECRETS)

    hourly = TimerTriggerUpdateParameters(name="hourly", schedule="0 * * * *")
    tasks.update(GROUP, REGISTRY, NAME, TaskUpdateParameters(trigger=TriggerUpdateParameters(timer_triggers=[hourly])))
    updated = tasks.update(GROUP, REGISTRY, NAME, TaskUpdateParameters(timeout=1200))
    check(updated, version, ["nightly", "hourly"])
    expect_equal("its new timeout", updated.timeout, 1200)
    whole = tasks.get_details(GROUP, REGISTRY, NAME)
    check(whole, version, ["nightly", "hourly"], SECRETS)
    say("    an update left every secret alone")
    whole.trigger.timer_triggers = [timer for timer in whole.trigger.timer_triggers if timer.name != "nightly"]
    check(tasks.create(GROUP, REGISTRY, NAME, whole), version, ["hourly"])
    check(tasks.get_details(GROUP, REGISTRY, NAME), version, ["hourly"], SECRETS)
    say("    a timer was taken away by writing the whole task again")

    encoded = EncodedTaskStep(encoded_task_content="dmVyc2lvbjogdjEuMS4wCnN0ZXBzOgogIC0gY21kOiBiYXNoIGVjaG8gaGkK")
    small = tasks.create(GROUP, REGISTRY, "sdk-small", Task(location="East US", platform=PlatformProperties(os="linux"), step=encoded))
    expect_equal("what the service fills in", (small.timeout, small.status, small.agent_configuration.cpu), (3600, "Enabled", 2))
    expect_equal("its step", small.step.encoded_task_content, encoded.encoded_task_content)
    expect_equal("the tasks, oldest first", [task.name for task in tasks.list(GROUP, REGISTRY)], [NAME, "sdk-small"])
    expect_equal("what the reader sees", secrets_in(reader.tasks.get(GROUP, REGISTRY, NAME)), [])

    def create(**changes):
        return lambda: tasks.create(GROUP, REGISTRY, "sdk-odd", wanted(**changes))

    refused("a task with 4 cores", create(cpu=4), 400, "InvalidInputValue")
    refused("a task that may take a minute", create(timeout=60), 400, "InvalidInputValue")
    refused("a schedule that is none", create(schedule="@daily"), 400, "InvalidInputValue")
    refused("a name that is too short", lambda: tasks.create(GROUP, REGISTRY, "odd", wanted()), 400, "InvalidInputValue")
    refused("the secrets for a reader", lambda: reader.tasks.get_details(GROUP, REGISTRY, NAME), 403, "AuthorizationFailed")
    missing = ("sdk-none", 404, "ResourceNotFound", ResourceNotFoundError)
    refused("reading an unknown task", lambda: tasks.get(GROUP, REGISTRY, missing[0]), *missing[1:])
    change = TaskUpdateParameters(timeout=600)
    refused("updating an unknown task", lambda: tasks.update(GROUP, REGISTRY, missing[0], change), *missing[1:])

    for name in (NAME, "sdk-small"):
        tasks.delete(GROUP, REGISTRY, name)
    # Deleting what is not there is no error.
    tasks.delete(GROUP, REGISTRY, NAME)
    expect_equal("the tasks left", list(tasks.list(GROUP, REGISTRY)), [])
