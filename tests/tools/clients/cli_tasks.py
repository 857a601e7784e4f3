"""`az acr task` at work: tasks without and with a context, timers, credentials and identities."""

from stage import GROUP, LOCATION, REGISTRY, expect, expect_equal, say

CONTEXT = "https://github.com/contoso/app.git"
POOL = "cli-task-pool"
USER = "/subscriptions/s/resourceGroups/rg-ids/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id-one"

# What the CLI ends with when the object does not exist.
NOT_FOUND = 3

TOKEN, ARGUMENT, PASSWORD = "hush-token", "hush-argument", "hush-password"


def task(az, verb, name, *more):
    return az.json("acr", "task", *verb.split(), "-r", REGISTRY, "-n", name, *more)


def secrets_in(az, name, *more):
    text, _ = az.run("acr", "task", "show", "-r", REGISTRY, "-n", name, *more)
    return [secret for secret in (TOKEN, ARGUMENT, PASSWORD) if secret in text]


def names(triggers):
    return [trigger["name"] for trigger in triggers or []]


def on_a_schedule(az):
    say("-- az acr task: a command on a schedule and on a pool")
    schedule = ("--schedule", "nightly:0 1 * * *", "--schedule", "*/30 * * * *")
    made = task(az, "create", "cli-timer", "-c", "/dev/null", "--cmd", "bash echo hi", "--agent-pool", POOL, *schedule)
    expect_equal("the new task", (made["name"], made["location"], made["resourceGroup"]), ("cli-timer", LOCATION, GROUP))
    expect_equal("its pool", made["agentPoolName"], POOL)
    expect_equal("its state and status", (made["provisioningState"], made["status"]), ("Succeeded", "Enabled"))
    expect_equal("its platform", (made["platform"]["os"], made["platform"]["architecture"]), ("linux", "amd64"))
    expect_equal("its step and timeout", (made["step"]["type"], made["timeout"]), ("EncodedTask", 3600))
    expect_equal("its timers", names(made["trigger"]["timerTriggers"]), ["nightly", "t2"])
    expect_equal("its base image trigger", made["trigger"]["baseImageTrigger"]["name"], "defaultBaseimageTriggerName")

    say("-- az acr task timer: add, update, remove, list")
    added = task(az, "timer add", "cli-timer", "--timer-name", "weekly", "--schedule", "0 2 * * Sun")
    expect_equal("the timers", names(added["trigger"]["timerTriggers"]), ["nightly", "t2", "weekly"])
    changed = task(az, "timer update", "cli-timer", "--timer-name", "weekly", "--enabled", "false")
    weekly = changed["trigger"]["timerTriggers"][2]
    expect_equal("the changed timer", (weekly["status"], weekly["schedule"]), ("Disabled", "0 2 * * Sun"))
    left = task(az, "timer remove", "cli-timer", "--timer-name", "t2")
    expect_equal("the timers left", names(left["trigger"]["timerTriggers"]), ["nightly", "weekly"])
    expect_equal("its pool", left["agentPoolName"], POOL)
    expect_equal("the list of timers", names(task(az, "timer list", "cli-timer")), ["nightly", "weekly"])
    updated = task(az, "update", "cli-timer", "--status", "Disabled")
    expect_equal("its new status", updated["status"], "Disabled")
    expect_equal("its timers", names(updated["trigger"]["timerTriggers"]), ["nightly", "weekly"])


def with_a_context(az):
    say("-- az acr task: a Docker build of a repository, with secrets")
    az.secrets += [TOKEN, ARGUMENT, PASSWORD]
    build = ("-c", CONTEXT, "-f", "Dockerfile", "-t", "app:{{.Run.ID}}", "--git-access-token", TOKEN)
    arguments = ("--arg", "OPEN=plain", "--secret-arg", f"SHUT={ARGUMENT}", "--assign-identity")
    pushed = task(az, "create", "cli-push", *build)
    expect_equal("its source triggers", names(pushed["trigger"]["sourceTriggers"]), ["defaultSourceTriggerName"])
    repository = pushed["trigger"]["sourceTriggers"][0]["sourceRepository"]
    expect_equal("its repository", (repository["repositoryUrl"], repository["sourceControlAuthProperties"]), (CONTEXT, None))
    # This version of the CLI cannot update a task with a source trigger: it ends with a TypeError before it asks for anything.
    made = task(az, "create", "cli-build", *build, *arguments, "--commit-trigger-enabled", "false")
    expect_equal("its step", (made["step"]["type"], made["step"]["contextPath"]), ("Docker", CONTEXT))
    expect_equal("its cores", made["agentConfiguration"]["cpu"], 2)
    expect(made["identity"]["principalId"], "its identity has no principal")
    expect_equal("the secrets that it shows", secrets_in(az, "cli-build"), [])
    expect_equal("those with secure properties", secrets_in(az, "cli-build", "--with-secure-properties"), [TOKEN, ARGUMENT])

    updated = task(az, "update", "cli-build", "--timeout", "1200", "--platform", "linux/arm")
    expect_equal("its new timeout and platform", (updated["timeout"], updated["platform"]["architecture"]), (1200, "arm"))
    expect_equal("the names of its images", updated["step"]["imageNames"], ["app:{{.Run.ID}}"])

    say("-- az acr task credential: add, update, list, remove")
    server = ("--login-server", "other.example")
    added = task(az, "credential add", "cli-build", *server, "-u", "someone", "-p", PASSWORD)
    expect_equal("what the service shows of it", added, {"other.example": None})
    task(az, "credential update", "cli-build", *server, "-u", "another", "-p", PASSWORD)
    listed = task(az, "credential list", "cli-build")
    expect_equal("the credential", listed["other.example"]["userName"]["value"], "another")
    expect_equal("the secrets", secrets_in(az, "cli-build", "--with-secure-properties"), [TOKEN, ARGUMENT, PASSWORD])
    removed, _ = az.run("acr", "task", "credential", "remove", "-r", REGISTRY, "-n", "cli-build", *server)
    expect("other.example" not in removed, f"a removed credential is still there: {removed}")

    say("-- az acr task identity: assign, show, remove")
    assigned = task(az, "identity assign", "cli-build", "--identities", "[system]", USER)
    expect_equal("what identities it has", assigned["identity"]["type"], "SystemAssigned, UserAssigned")
    expect_equal("which are the user's", list(assigned["identity"]["userAssignedIdentities"]), [USER])
    expect(task(az, "identity show", "cli-build")["userAssignedIdentities"][USER]["clientId"], "the identity has no client id")
    left = task(az, "identity remove", "cli-build", "--identities", "[system]")
    expect_equal("the identities left", left["identity"]["type"], "UserAssigned")
    gone = task(az, "identity remove", "cli-build", "--identities", "[all]")
    expect_equal("the identity in the end", gone["identity"], None)
    expect_equal("the secrets in the end", secrets_in(az, "cli-build", "--with-secure-properties"), [TOKEN, ARGUMENT])


def exercise(az):
    on_a_schedule(az)
    with_a_context(az)
    say("-- az acr task: list, refusals, delete")
    for scope in ((), ("-g", GROUP)):
        listed = az.json("acr", "task", "list", "-r", REGISTRY, *scope)
        expect_equal("the tasks, oldest first", names(listed), ["cli-timer", "cli-push", "cli-build"])
    table, _ = az.run("acr", "task", "list", "-r", REGISTRY, "-o", "table")
    expect_equal("the table's last row", table.splitlines()[-1].split()[:3], ["cli-build", "linux", "Enabled"])
    create = ("acr", "task", "create", "-r", REGISTRY, "-c", "/dev/null", "--cmd", "bash")
    az.refused("InvalidInputValue", *create, "-n", "cli-odd", "--cpu", "4")
    az.refused("InvalidInputValue", *create, "-n", "cli-odd", "--schedule", "0 0 * * 7")
    system = az.json("acr", "task", "create", "-r", REGISTRY, "-n", "quicktask", "--is-system-task", "--timeout", "900")
    expect_equal("the system task", (system["isSystemTask"], system["timeout"], system["step"]), (True, 900, None))
    expect_equal("its new timeout", task(az, "update", "quicktask", "--timeout", "1200")["timeout"], 1200)
    for name in ("cli-timer", "cli-push", "cli-build", "quicktask"):
        az.run("acr", "task", "delete", "-r", REGISTRY, "-n", name, "--yes")
    az.refused("ResourceNotFound", "acr", "task", "show", "-r", REGISTRY, "-n", "cli-timer", by=NOT_FOUND)
    expect_equal("the tasks left", az.json("acr", "task", "list", "-r", REGISTRY), [])
