"""Microsoft's Python SDKs at work: sign-in, registries, networks, agent pools, tasks, and what must be refused.

Runs in the interpreter of target/clients/sdk, with the variables of the emulator's env file. Ends with 0 only if everything was as it
must be.
"""

import logging
import os
import sys
import time

from azure.core.exceptions import ClientAuthenticationError, HttpResponseError, ResourceNotFoundError
from azure.identity import ClientSecretCredential, EnvironmentCredential
from azure.mgmt.containerregistry import ContainerRegistryManagementClient
from azure.mgmt.containerregistry.models import Registry, Sku
from azure.mgmt.containerregistrytasks import ContainerRegistryTasksMgmtClient
from azure.mgmt.containerregistrytasks.models import AgentPool, AgentPoolProperties, AgentPoolUpdateParameters
from azure.mgmt.network import NetworkManagementClient
from azure.mgmt.network.models import AddressSpace, Subnet, VirtualNetwork

import sdk_runs
import sdk_tasks
from stage import BUSY_POOL, GROUP, LOCATION, QUEUED_RUNS, REGISTRY, Controls, Surprise, expect, expect_equal, say

URL = os.environ["AZURE_AUTHORITY_HOST"]
SUBSCRIPTION = os.environ["AZURE_SUBSCRIPTION_ID"]
TENANT = os.environ["AZURE_TENANT_ID"]
PROVIDERS = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}/providers"
SUBNET = f"{PROVIDERS}/Microsoft.Network/virtualNetworks/vnet-sdk/subnets/snet-sdk"

# The status resource of a pool carries no Retry-After, and the SDKs then wait 30 s between two looks. This is their own setting for it;
# where an answer does carry Retry-After, they obey that instead.
POLLING_SECONDS = 1

# Longer than an operation of the emulator takes. A poller that is not done by then will never be.
DONE_SECONDS = 60

BOTH_POOL_VERSIONS = ("2025-03-01-preview", "2019-06-01-preview")


def credential(client_id="AZURE_CLIENT_ID", secret="AZURE_CLIENT_SECRET"):
    # Without this the library first asks a fixed host of the public cloud whether the authority is a known one.
    return ClientSecretCredential(
        TENANT, os.environ[client_id], os.environ.get(secret, secret), authority=URL, disable_instance_discovery=True
    )


def arm(client, credential, **options):
    return client(
        credential, SUBSCRIPTION, base_url=URL, credential_scopes=[f"{URL}/.default"], polling_interval=POLLING_SECONDS, **options
    )


def finished(poller):
    """The result of a poller, which must end by itself."""
    poller.wait(DONE_SECONDS)
    expect(poller.done(), f"a poller is still at {poller.status()!r}")
    return poller.result()


def refused(doing, call, status, code, kind=HttpResponseError):
    """The call must fail, as the exception and with the code that a program would look at."""
    try:
        call()
    except kind as error:
        expect_equal(f"the status of {doing}", error.status_code, status)
        expect_equal(f"the code of {doing}", error.error and error.error.code, code)
        say(f"    {doing}: {type(error).__name__}, {status} {code}")
        return error
    raise Surprise(f"{doing} succeeded")


def sign_in():
    say("-- azure-identity: a client secret, the environment, and sign-ins that must fail")
    scope = f"{URL}/.default"
    token = credential().get_token(scope)
    expect(token.expires_on > time.time() + 60, f"the token ends at {token.expires_on}")
    expect(EnvironmentCredential(disable_instance_discovery=True).get_token(scope).token, "EnvironmentCredential got no token")
    wrong = [
        ("a wrong secret", credential(secret="not-the-secret"), "AADSTS7000215"),
        (
            "an unknown application",
            ClientSecretCredential(
                TENANT, "00000000-0000-0000-0000-00000000dead", "x", authority=URL, disable_instance_discovery=True
            ),
            "AADSTS700016",
        ),
    ]
    for name, bad, code in wrong:
        try:
            bad.get_token(scope)
        except ClientAuthenticationError as error:
            expect(code in error.message, f"{name} gives {error.message!r}")
            say(f"    {name}: ClientAuthenticationError, {code}")
        else:
            raise Surprise(f"{name} got a token")


def registries(client):
    say("-- azure-mgmt-containerregistry: create, read, list, delete")
    created = finished(client.registries.begin_create(GROUP, "contososdk", Registry(location="East US", sku=Sku(name="premium"))))
    read = client.registries.get(GROUP, "contososdk")
    for registry in (created, read):
        expect_equal("the registry's name", registry.name, "contososdk")
        expect_equal("its id", registry.id, f"{PROVIDERS}/Microsoft.ContainerRegistry/registries/contososdk")
        expect_equal("its type", registry.type, "Microsoft.ContainerRegistry/registries")
        expect_equal("its location", registry.location, LOCATION)
        expect_equal("its SKU", (registry.sku.name, registry.sku.tier), ("Premium", "Premium"))
        expect_equal("its state", registry.provisioning_state, "Succeeded")
        expect_equal("its server", registry.login_server, "contososdk.azurecr.io")
        expect(registry.creation_date.tzinfo, "its creation date has no time zone")
        expect(registry.system_data.created_at.tzinfo, "its systemData has no time zone")
    names = {registry.name for registry in client.registries.list_by_resource_group(GROUP)}
    expect_equal("the group's registries", names, {REGISTRY, "contosobasic", "contososdk"})
    names = {registry.name for registry in client.registries.list()}
    expect_equal("the subscription's registries", names, {REGISTRY, "contosobasic", "contosoother", "contososdk"})
    finished(client.registries.begin_delete(GROUP, "contososdk"))
    refused(
        "reading a deleted registry", lambda: client.registries.get(GROUP, "contososdk"), 404, "ResourceNotFound", ResourceNotFoundError
    )
    refused(
        "reading a registry of a missing group",
        lambda: client.registries.get("rg-missing", REGISTRY),
        404,
        "ResourceGroupNotFound",
        ResourceNotFoundError,
    )


def make_network(client):
    say("-- azure-mgmt-network: a virtual network with a subnet in it and one added")
    network = VirtualNetwork(
        location=LOCATION,
        address_space=AddressSpace(address_prefixes=["10.50.0.0/16"]),
        subnets=[Subnet(name="snet-first", address_prefix="10.50.0.0/24")],
        tags={"made-by": "sdk"},
    )
    made = finished(client.virtual_networks.begin_create_or_update(GROUP, "vnet-sdk", network))
    expect_equal("the network's state", made.provisioning_state, "Succeeded")
    expect_equal("its addresses", made.address_space.address_prefixes, ["10.50.0.0/16"])
    expect_equal("its tags", made.tags, {"made-by": "sdk"})
    added = finished(client.subnets.begin_create_or_update(GROUP, "vnet-sdk", "snet-sdk", Subnet(address_prefix="10.50.1.0/24")))
    expect_equal("the subnet's id", added.id, SUBNET)
    read = client.subnets.get(GROUP, "vnet-sdk", "snet-sdk")
    expect_equal("the subnet's addresses", read.address_prefix, "10.50.1.0/24")
    expect_equal("the subnet's state", read.provisioning_state, "Succeeded")
    expect(not read.ip_configurations, "a new subnet is in use")
    both = ["snet-first", "snet-sdk"]
    expect_equal("the listed subnets", sorted(subnet.name for subnet in client.subnets.list(GROUP, "vnet-sdk")), both)
    network = client.virtual_networks.get(GROUP, "vnet-sdk")
    expect_equal("the network's subnets", sorted(subnet.name for subnet in network.subnets), both)
    names = sorted(network.name for network in client.virtual_networks.list(GROUP))
    expect_equal("the group's networks", names, ["vnet-builds", "vnet-sdk"])


def remove_network(client):
    say("-- azure-mgmt-network: delete the subnets and the network")
    finished(client.subnets.begin_delete(GROUP, "vnet-sdk", "snet-sdk"))
    refused(
        "reading a deleted subnet",
        lambda: client.subnets.get(GROUP, "vnet-sdk", "snet-sdk"),
        404,
        "ResourceNotFound",
        ResourceNotFoundError,
    )
    finished(client.virtual_networks.begin_delete(GROUP, "vnet-sdk"))
    expect_equal("the group's networks", [network.name for network in client.virtual_networks.list(GROUP)], ["vnet-builds"])


def check_pool(pool, name, count, tier, subnet, state="Succeeded"):
    expect_equal("the pool's name", pool.name, name)
    expect_equal("its id", pool.id, f"{PROVIDERS}/Microsoft.ContainerRegistry/registries/{REGISTRY}/agentPools/{name}")
    expect_equal("its type", pool.type, "Microsoft.ContainerRegistry/registries/agentPools")
    expect_equal("its location", pool.location, LOCATION)
    expect_equal("its tags", pool.tags, None)
    found = (pool.properties.count, pool.properties.tier, pool.properties.os, pool.properties.virtual_network_subnet_resource_id)
    expect_equal("its count, tier, os and subnet", found, (count, tier, "Linux", subnet))
    expect_equal("its state", pool.properties.provisioning_state, state)
    expect(pool.system_data.created_at <= pool.system_data.last_modified_at, "it was changed before it was made")


def wanted(tier="S1", count=1, subnet=None, location=LOCATION):
    properties = AgentPoolProperties(count=count, tier=tier, os="Linux", virtual_network_subnet_resource_id=subnet)
    # The service drops a pool's tags without a word, and so must the emulator.
    return AgentPool(location=location, properties=properties, tags={"dropped": "silently"})


def pools(client, emulator, version):
    say(f"-- azure-mgmt-containerregistrytasks, {version}: create, read, list, scale, queue, delete")
    agents = client.agent_pools
    with emulator.frozen():
        poller = agents.begin_create(GROUP, REGISTRY, BUSY_POOL, wanted())
        check_pool(agents.get(GROUP, REGISTRY, BUSY_POOL), BUSY_POOL, 1, "S1", None, state="Creating")
        expect(not poller.done(), "the poller is done before the creation is")
    check_pool(finished(poller), BUSY_POOL, 1, "S1", None)

    # A poller taken up again from its token, as a program does after a restart.
    token = agents.begin_create(GROUP, REGISTRY, "sdk-pool", wanted("S2", 0, SUBNET)).continuation_token()
    resumed = agents.begin_create(GROUP, REGISTRY, "sdk-pool", wanted("S2", 0, SUBNET), continuation_token=token)
    check_pool(finished(resumed), "sdk-pool", 0, "S2", SUBNET)
    listed = [pool.name for pool in agents.list(GROUP, REGISTRY)]
    expect_equal("the registry's pools, newest first", listed, ["sdk-pool", BUSY_POOL])

    with emulator.frozen():
        poller = agents.begin_update(GROUP, REGISTRY, "sdk-pool", AgentPoolUpdateParameters(count=2))
        check_pool(agents.get(GROUP, REGISTRY, "sdk-pool"), "sdk-pool", 2, "S2", SUBNET, state="Updating")
        expect(not poller.done(), "the poller is done before the update is")
    check_pool(finished(poller), "sdk-pool", 2, "S2", SUBNET)
    check_pool(agents.get(GROUP, REGISTRY, "sdk-pool"), "sdk-pool", 2, "S2", SUBNET)

    for name, queued in ((BUSY_POOL, QUEUED_RUNS), ("sdk-pool", 0)):
        expect_equal(f"the queue of {name}", agents.get_queue_status(GROUP, REGISTRY, name).count, queued)


def refusals(client, network_client, reader):
    say("-- what must be refused, while two pools are there")
    agents = client.agent_pools

    def create(registry=REGISTRY, group=GROUP, pool="sdk-none", by=agents, **wishes):
        return lambda: by.begin_create(group, registry, pool, wanted(**wishes)).result()

    # 2 vCPU and 8 are taken of 16.
    refused("a pool beyond the quota", create(tier="S3", count=1), 400, "AgentPoolQuotaExceeded")
    refused("an isolated pool without a quota", create(tier="I6"), 400, "AgentPoolQuotaExceeded")
    refused("scaling beyond the quota", lambda: agents.begin_update(
        GROUP, REGISTRY, "sdk-pool", AgentPoolUpdateParameters(count=4)
    ).result(), 400, "AgentPoolQuotaExceeded")
    refused("a tier that does not exist", create(tier="S9"), 400, "InvalidInputValue")
    refused("a pool of a Basic registry", create("contosobasic"), 400, "AgentPoolsNotSupported")
    refused("a pool of a missing registry", create("contosonone"), 404, "ParentResourceNotFound", ResourceNotFoundError)
    refused("a pool in a region without pools", create(location="uksouth"), 400, "LocationNotAvailableForResourceType")
    refused("a pool in a missing subnet", create(subnet=f"{SUBNET}-none"), 400, "InvalidInputValue")
    refused("a pool by someone who may only read", create(by=reader.agent_pools), 403, "AuthorizationFailed")
    refused("reading an unknown pool", lambda: agents.get(GROUP, REGISTRY, "sdk-none"), 404, "ResourceNotFound", ResourceNotFoundError)
    refused("scaling an unknown pool", lambda: agents.begin_update(
        GROUP, REGISTRY, "sdk-none", AgentPoolUpdateParameters(count=1)
    ).result(), 404, "ResourceNotFound", ResourceNotFoundError)
    refused("the queue of an unknown pool", lambda: agents.get_queue_status(
        GROUP, REGISTRY, "sdk-none"
    ), 404, "ResourceNotFound", ResourceNotFoundError)
    refused("deleting a subnet in use", lambda: network_client.subnets.begin_delete(
        GROUP, "vnet-sdk", "snet-sdk"
    ).result(), 400, "InUseSubnetCannotBeDeleted")
    used = network_client.subnets.get(GROUP, "vnet-sdk", "snet-sdk").ip_configurations
    expect_equal("the machines in the subnet", len(used), 2)
    expect_equal("what the reader sees", len(list(reader.agent_pools.list(GROUP, REGISTRY))), 2)


def trouble(client, emulator):
    say("-- what goes wrong on the way: a creation that fails, and answers that ask to come back later")
    agents = client.agent_pools
    failure = {"code": "NoCapacity", "message": "nothing is left"}
    emulator.set_faults({"match": {"method": "PUT", "path_contains": "sdk-fails"}, "times": 1, "action": {"fail_operation": failure}})
    poller = agents.begin_create(GROUP, REGISTRY, "sdk-fails", wanted(count=0))
    error = refused("a creation that fails on the way", lambda: finished(poller), 200, "NoCapacity")
    expect("nothing is left" in error.message, f"the error says {error.message!r}")
    expect_equal("the poller's status", poller.status(), "Failed")
    check_pool(agents.get(GROUP, REGISTRY, "sdk-fails"), "sdk-fails", 0, "S1", None, state="Failed")
    finished(agents.begin_delete(GROUP, REGISTRY, "sdk-fails"))

    busy = {"status": 429, "headers": {"Retry-After": "1"}, "body": {"error": {"code": "TooManyRequests", "message": "slower"}}}
    emulator.set_faults({"match": {"method": "GET", "path_contains": BUSY_POOL}, "times": 2, "action": {"respond": busy}})
    check_pool(agents.get(GROUP, REGISTRY, BUSY_POOL), BUSY_POOL, 1, "S1", None)
    statuses = [entry["status"] for entry in emulator.requests()[-3:]]
    expect_equal("the last three answers", statuses, [429, 429, 200])
    emulator.set_faults()


def remove_pools(client, emulator):
    say("-- azure-mgmt-containerregistrytasks: delete the pools")
    agents = client.agent_pools
    with emulator.frozen():
        poller = agents.begin_delete(GROUP, REGISTRY, "sdk-pool")
        check_pool(agents.get(GROUP, REGISTRY, "sdk-pool"), "sdk-pool", 2, "S2", SUBNET, state="Deleting")
        expect(not poller.done(), "the poller is done before the deletion is")
    finished(poller)
    refused("reading a deleted pool", lambda: agents.get(GROUP, REGISTRY, "sdk-pool"), 404, "ResourceNotFound", ResourceNotFoundError)
    # Deleting what is not there is no error.
    finished(agents.begin_delete(GROUP, REGISTRY, "sdk-pool"))
    finished(agents.begin_delete(GROUP, REGISTRY, BUSY_POOL))
    expect_equal("the registry's pools", list(agents.list(GROUP, REGISTRY)), [])


def main():
    # Failed sign-ins are provoked here; the library would also log each of them.
    logging.getLogger("azure").setLevel(logging.CRITICAL)
    try:
        sign_in()
        full = credential()
        reader = credential("ACR_EMULATOR_READER_CLIENT_ID", "ACR_EMULATOR_READER_CLIENT_SECRET")
        emulator = Controls(os.environ)
        network_client = arm(NetworkManagementClient, full)
        registries(arm(ContainerRegistryManagementClient, full))
        make_network(network_client)
        for version in BOTH_POOL_VERSIONS:
            client = arm(ContainerRegistryTasksMgmtClient, full, api_version=version)
            pools(client, emulator, version)
            by_reader = arm(ContainerRegistryTasksMgmtClient, reader, api_version=version)
            refusals(client, network_client, by_reader)
            # So that no timer fires, whatever time it is.
            with emulator.frozen():
                sdk_tasks.exercise(client, by_reader, version)
                sdk_runs.exercise(client, by_reader, emulator, version)
            trouble(client, emulator)
            remove_pools(client, emulator)
        remove_network(network_client)
        return 0
    except Surprise as surprise:
        say(f"Surprise: {surprise}")
        return 1


if __name__ == "__main__":
    sys.exit(main())
