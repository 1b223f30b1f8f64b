# SPDX-License-Identifier: Apache-2.0
"""What a user may publish and subscribe to, and what reaches it."""

import pytest

from support.env import TIME_FACTOR, wait_for
from support.logins import enter, no_publish, no_subscribe, user, users_config
from support.server import Server

HEADERS = "12 12\r\nNATS/1.0\r\n\r\n\r\n"  # what follows the subject in HPUB, or the sid in HMSG


def one_server(tmp_path_factory, users):
    """A server with a user per row of a table, and one, root, who may do everything."""
    return Server(tmp_path_factory.mktemp("permissions"),
                  users_config(user("root"), *users))


# -- who may publish what: permissions, allowed subjects, refused ones

PUBLISH = {
    "none": ("", ["a", "a.b", "$SYS.x"], []),
    "subject": ("publish: a", ["a"], ["b", "a.b", "A", "a*"]),
    "list": ('publish: ["a", "b.*"]', ["a", "b.c"], ["b", "b.c.d", "c"]),
    "star": ('publish: "a.*.c"', ["a.b.c", "a.x.c"], ["a.b.d", "a.c", "a.b.b.c"]),
    "rest": ('publish: "a.>"', ["a.b", "a.b.c"], ["a", "b.a"]),
    "everything": ('publish: ">"', ["a", "a.b.c"], []),
    "nothing": ("publish: { deny: \">\" }", [], ["a", "a.b"]),
    "allow-none": ("publish: { allow: [] }", [], ["a"]),
    "deny": ('publish: { deny: ["a", "b.>"] }', ["c", "a.b", "b"], ["a", "b.c", "b.c.d"]),
    "both": ('publish: { allow: "a.>", deny: ["a.secret", "a.*.secret"] }',
             ["a.b", "a.b.c", "a.secret.b"], ["a.secret", "a.b.secret", "b"]),
    "pub": ("pub: a", ["a"], ["b"]),
    "import": ("import: a", ["a"], ["b"]),
    "only-subscribe": ("subscribe: a", ["a", "b"], []),
    "wildcard-is-text": ('publish: "a.*"', ["a.*", "a.>"], ["*", ">"]),
    "deny-of-a-literal": ('publish: { deny: "a.b" }', ["a.*", "a.>"], ["a.b"]),
    "quoted": ("publish: a", ["a"], ['q"\\']),
}


@pytest.fixture(scope="module")
def publishers(tmp_path_factory):
    started = one_server(tmp_path_factory,
                         [user(name, permissions=row[0]) for name, row in PUBLISH.items()])
    yield started
    started.stop()


@pytest.mark.parametrize("name", PUBLISH)
def test_publish(publishers, name):
    _, allowed, refused = PUBLISH[name]
    client = enter(publishers, name, headers=True)
    witness = enter(publishers, "root")
    witness.send("SUB > 1\r\n")
    witness.fence()
    for _ in range(2):  # the second time from the cache
        for subject in allowed:
            client.send(f"PUB {subject} 1\r\nx\r\n")
            client.fence()
            witness.expect(f"MSG {subject} 1 1\r\nx\r\n")
        for subject in refused:
            client.send(f"PUB {subject} 1\r\nx\r\nHPUB {subject} {HEADERS}")
            shown = subject.replace("\\", "\\\\").replace('"', '\\"')
            client.fence(2 * no_publish(shown))
        witness.expect_silence()


def test_verbose_client_gets_no_ok_for_what_is_refused(publishers):
    with enter(publishers, "subject", verbose=True, ping=False) as client:
        client.send("PING\r\n")
        client.expect("+OK\r\nPONG\r\n")
        client.send("PUB b 0\r\n\r\nPUB a 0\r\n\r\nPING\r\n")
        client.expect(no_publish("b") + b"+OK\r\nPONG\r\n")


def test_payload_of_a_refused_message_is_not_parsed(publishers):
    client = enter(publishers, "subject")
    for size in (0, 5, 70000):
        body = ("PING\r\n" * (size // 6 + 1))[:size]
        client.send(f"PUB b {size}\r\n{body}\r\n")
        client.fence(no_publish("b"))


def test_many_subjects(publishers):
    """More subjects than any cache of verdicts holds, allowed and refused in turn, twice."""
    client = enter(publishers, "both")
    count = 3000
    lines, answers = [], []
    for _ in range(2):
        for i in range(count):
            lines.append(f"PUB a.{i} 0\r\n\r\nPUB a.{i}.secret 0\r\n\r\n")
            answers.append(no_publish(f"a.{i}.secret"))
    half = len(lines) // 2
    for part in (slice(0, half), slice(half, None)):  # reading in between: socket buffers end
        client.send("".join(lines[part]))
        client.fence(b"".join(answers[part]))


# -- who may subscribe to what: "subject", or "subject queue"

SUBSCRIBE = {
    "none": ("", ["a", ">", "*", "a q"], []),
    "subject": ("subscribe: a", ["a", "a q"], ["b", "*", ">", "a.>", "b q"]),
    "star": ('subscribe: "a.*"', ["a.b", "a.*", "a.b q"], ["a.>", ">", "a.b.c", "a", "*.b"]),
    "rest": ('subscribe: "a.>"', ["a.b", "a.*", "a.>", "a.*.c"], ["a", ">", "*.b", "b"]),
    "deny": ("subscribe: { deny: [\"a\", \"b.*\"] }", ["c", "b.c.d", "*", ">", "c q"],
             ["a", "b.c", "b.*", "a q", "b.* q"]),
    "both": ("subscribe: { allow: \"a.>\", deny: \"a.x.>\" }",
             ["a.b", "a.>", "a.*", "a.*.c", "a.x"], ["a.x.y", "a.x.>", "a.x.*", "b", "a.x.y q"]),
    "sub": ("sub: a", ["a"], ["b"]),
    "export": ("export: a", ["a"], ["b"]),
    "only-publish": ("publish: a", ["a", "b", ">"], []),
    "nothing": ('subscribe: { deny: ">" }', [], ["a", ">", "a q"]),
    # entries with a queue
    "queue": ('subscribe: "a q"', ["a q"], ["a", "a r", "b q"]),
    "queue-wildcard": ('subscribe: "a.* q.*"', ["a.b q.1", "a.* q.1"],
                       ["a.b", "a.b q", "a.b q.1.2", "a.> q.1"]),
    "queue-rest": ('subscribe: "a >"', ["a q", "a q.r"], ["a"]),
    "queue-and-plain": ('subscribe: ["a", "b q"]', ["a", "a x", "b q"], ["b", "b x"]),
    "queue-denied": ('subscribe: { deny: "a q" }', ["a", "a r", "b q"], ["a q"]),
    "queue-denied-wildcard": ('subscribe: { deny: "a q.>" }', ["a", "a q"], ["a q.1", "a q.1.2"]),
    "queue-both": ('subscribe: { allow: ["a v1", "a v2.*"], deny: ["a v2.x"] }',
                   ["a v1", "a v2.y"], ["a", "a v2.x", "a v3"]),
}


@pytest.fixture(scope="module")
def subscribers(tmp_path_factory):
    started = one_server(tmp_path_factory,
                         [user(name, permissions=row[0]) for name, row in SUBSCRIBE.items()])
    yield started
    started.stop()


@pytest.mark.parametrize("name", SUBSCRIBE)
def test_subscribe(subscribers, name):
    _, allowed, refused = SUBSCRIBE[name]
    client = enter(subscribers, name)
    for entry in allowed:
        client.send(f"SUB {entry} 1\r\n")
        client.fence()
        client.send("UNSUB 1\r\n")
    for entry in refused:
        client.send(f"SUB {entry} 2\r\n")
        client.fence(no_subscribe(*entry.split()))
    if "a" in allowed and refused:  # the sid of a refused one is free
        client.send("SUB a 2\r\n")
        client.fence()
        root = enter(subscribers, "root")
        root.send("PUB a 0\r\n\r\n")
        root.fence()
        client.fence(b"MSG a 2 0\r\n\r\n")


# -- a wildcard over a deny is accepted; what is denied does not arrive

DELIVERY = {
    "one-denied": ("deny: a.x", "a.*", ["a.b", "a.y"], ["a.x"]),
    "rest": ('deny: "a.x.>"', ">", ["a", "a.x", "b.a.x.y"], ["a.x.y", "a.x.y.z"]),
    "middle": ('deny: "*.secret.*"', "a.>", ["a.b", "a.secret", "a.secret.b.c"], ["a.secret.b"]),
    "in-an-allow": ('allow: "a.>", deny: ["a.x", "a.y.*"]', "a.>", ["a.b", "a.y"],
                    ["a.x", "a.y.z"]),
    "queue": ("deny: a.x", "a.* q", ["a.b"], ["a.x"]),
    "queue-denied": ('deny: "a.x q"', "a.* q", ["a.b"], ["a.x"]),
    "plain-beside-a-denied-queue": ('deny: "a.x q"', "a.*", ["a.b", "a.x"], []),
    "other-queue": ('deny: "a.x q"', "a.* r", ["a.b", "a.x"], []),
    "no-overlap": ('deny: "b.>"', "a.*", ["a.b"], []),
}


@pytest.fixture(scope="module")
def receivers(tmp_path_factory):
    started = one_server(tmp_path_factory, [user(name, permissions=f"subscribe: {{ {row[0]} }}")
                                            for name, row in DELIVERY.items()])
    yield started
    started.stop()


@pytest.mark.parametrize("name", DELIVERY)
def test_delivery(receivers, name):
    _, pattern, delivered, filtered = DELIVERY[name]
    root, client = (enter(receivers, who, headers=True) for who in ("root", name))
    client.send(f"SUB {pattern} 1\r\n")
    client.fence()
    for _ in range(2):
        for subject in filtered + delivered:
            root.send(f"PUB {subject} 0\r\n\r\nHPUB {subject} {HEADERS}")
        root.fence()
        for subject in delivered:
            client.expect(f"MSG {subject} 1 0\r\n\r\nHMSG {subject} 1 {HEADERS}")
        client.expect_silence()


def test_own_messages_are_filtered_too(receivers):
    client = enter(receivers, "one-denied")
    client.send("SUB a.* 1\r\nPUB a.x 0\r\n\r\nPUB a.y 0\r\n\r\n")
    client.fence(b"MSG a.y 1 0\r\n\r\n")


def test_a_filtered_member_of_a_queue_group_does_not_swallow(receivers):
    """The message goes to a member that may have it, each time."""
    root = enter(receivers, "root")
    denied, free = enter(receivers, "queue"), enter(receivers, "root")
    for member in (denied, free):
        member.send("SUB a.* q 1\r\n")
        member.fence()
    root.send("PUB a.x 0\r\n\r\n" * 100)
    root.fence()
    free.fence(b"MSG a.x 1 0\r\n\r\n" * 100)
    denied.expect_silence()


def test_filtered_messages_do_not_count_for_unsub(receivers):
    root, client = enter(receivers, "root"), enter(receivers, "one-denied")
    client.send("SUB a.* 1\r\nUNSUB 1 2\r\n")
    client.fence()
    root.send("PUB a.x 0\r\n\r\nPUB a.x 0\r\n\r\nPUB a.1 0\r\n\r\nPUB a.x 0\r\n\r\n"
              "PUB a.2 0\r\n\r\nPUB a.3 0\r\n\r\n")
    root.fence()
    client.fence(b"MSG a.1 1 0\r\n\r\nMSG a.2 1 0\r\n\r\n")


# -- default permissions

@pytest.mark.parametrize("key", ("default_permissions", "default_permission", "permissions"))
def test_default_permissions(server, key):
    started = server(users_config(user("plain"), user("own", permissions="publish: own"),
                                  user("free", permissions=""),
                                  more=f"{key}: {{ publish: common }}"))
    plain, own, free = (enter(started, name) for name in ("plain", "own", "free"))
    for client in (plain, own, free):
        client.send("PUB own 0\r\n\r\nPUB common 0\r\n\r\n")
    plain.fence(no_publish("own"))
    own.fence(no_publish("common"))
    free.fence()


def test_permissions_of_a_single_user(server):
    started = server(f"authorization {{ user: ann, password: the-password\n"
                     "  permissions: { publish: a } }\n")
    client = enter(started, "ann")
    client.send("PUB a 0\r\n\r\nPUB b 0\r\n\r\n")
    client.fence(no_publish("b"))


# -- allow_responses

RESPONDERS = users_config(
    user("root"),
    user("one", permissions='subscribe: "req.>", allow_responses: true'),
    user("two", permissions='subscribe: "req.>", allow_responses: { max: 2 }'),
    user("many", permissions='subscribe: "req.>", allow_responses: { max: -1 }'),
    user("other-names", permissions='subscribe: "req.>", '
                                    'publish_allow_responses: { max_msgs: 2, ttl: "1m" }'),
    user("pub", permissions='subscribe: "req.>", publish: pub, allow_responses: true'),
    user("deny", permissions='subscribe: "req.>", publish: { deny: "no.>" }, '
                             'allow_responses: true'),
    user("brief", permissions='subscribe: "req.>", '
                              'allow_responses: { max: 1000000, '
                              f'expires: "{int(150 * TIME_FACTOR)}ms" }}'),
    user("forever", permissions='subscribe: "req.>", allow_responses: { max: 1, expires: "-1s" }'),
    user("without", permissions='subscribe: "req.>", publish: pub'),
)


@pytest.fixture(scope="module")
def responders(tmp_path_factory):
    started = Server(tmp_path_factory.mktemp("responders"), RESPONDERS)
    yield started
    started.stop()


def ask(server, name, reply="inbox.1"):
    """A logged-in responder that has just received a request with that reply."""
    client = enter(server, name)
    client.send("SUB req.> 1\r\n")
    client.fence()
    requester = enter(server, "root")
    requester.send(f"SUB inbox.> 1\r\nSUB no.> 2\r\nPUB req.x {reply} 0\r\n\r\n")
    requester.fence()
    client.expect(f"MSG req.x 1 {reply} 0\r\n\r\n")
    return client, requester


@pytest.mark.parametrize("name,most", (("one", 1), ("two", 2), ("other-names", 2), ("pub", 1),
                                       ("forever", 1), ("many", 50), ("without", 0)))
def test_responses(responders, name, most):
    client, requester = ask(responders, name)
    client.send("PUB inbox.2 0\r\n\r\n")  # not what was asked
    client.fence(no_publish("inbox.2"))
    for _ in range(most):
        client.send("PUB inbox.1 2\r\nhi\r\n")
    client.fence()
    requester.fence(b"MSG inbox.1 1 2\r\nhi\r\n" * most)
    if name != "many":
        client.send("PUB inbox.1 0\r\n\r\n")
        client.fence(no_publish("inbox.1"))
        requester.expect_silence()


def test_each_request_has_its_own_count(responders):
    client, requester = ask(responders, "one")
    requester.send("".join(f"PUB req.x inbox.a{i} 0\r\n\r\n" for i in range(20)))
    requester.fence()
    for i in range(20):
        client.expect(f"MSG req.x 1 inbox.a{i} 0\r\n\r\n")
    for i in reversed(range(20)):
        client.send(f"PUB inbox.a{i} 0\r\n\r\n" * 2)
        client.fence(no_publish(f"inbox.a{i}"))
    for i in reversed(range(20)):
        requester.expect(f"MSG inbox.a{i} 1 0\r\n\r\n")


def test_a_response_may_go_where_publishing_is_denied(responders):
    client, requester = ask(responders, "deny", "no.reply")
    client.send("".join(f"PUB {subject} 0\r\n\r\n"
                        for subject in ("no.reply", "no.reply", "no.other", "yes")))
    # Beside responses nothing may be published where no list allows it.
    client.fence(no_publish("no.reply") + no_publish("no.other") + no_publish("yes"))
    requester.fence(b"MSG no.reply 2 0\r\n\r\n")


def test_responses_are_not_counted_where_publishing_is_allowed(responders):
    client, _ = ask(responders, "pub", "pub")
    client.send("PUB pub 0\r\n\r\n" * 5)
    client.expect_silence()


def test_a_response_is_due_until_it_expires(responders):
    client, requester = ask(responders, "brief")
    client.send("PUB inbox.1 0\r\n\r\n")
    client.fence()
    requester.fence(b"MSG inbox.1 1 0\r\n\r\n")

    def is_over():
        client.send("PUB inbox.1 0\r\n\r\nPING\r\n")
        return client.expect_re(rb"(-ERR [^\r]*\r\n)?PONG\r\n")[1]
    assert wait_for(is_over, "the end of the permission") == no_publish("inbox.1")


def test_what_others_receive_gives_no_permission(responders):
    ask(responders, "one", "inbox.7")
    bystander = enter(responders, "one")
    bystander.send("PUB inbox.7 0\r\n\r\n")
    bystander.fence(no_publish("inbox.7"))


# -- allowed_connection_types

@pytest.mark.parametrize("types,enters", [
    ('["STANDARD"]', True), ('["WEBSOCKET", "STANDARD"]', True), ('["standard"]', True),
    ('["WEBSOCKET"]', False), ('["MQTT", "LEAFNODE", "WEBSOCKET"]', False)])
@pytest.mark.parametrize("key", ("allowed_connection_types", "connection_types", "clients"))
def test_connection_types(server, types, enters, key):
    started = server(users_config(user("ann", more=f"{key}: {types}")))
    client = started.connect()
    client.login(user="ann", **{"pass": "the-password"}, ping=False)
    if enters:
        client.expect_silence()
    else:
        client.expect_error("Authorization Violation", closes=True)
