# SPDX-License-Identifier: Apache-2.0
"""Faults between nodes, and of nodes. After each what every node knows of the others' interest is
right, messages are delivered once, and memory is bounded.

Each node is reached by the others through a proxy of its own and in no other way, see
support/faulty_proxy.py.
"""

import random

import pytest

from support.client import Client
from support.cluster import FIRST, KINDS, WITH_EACH, linked, names, wait_connect_urls
from support.env import is_sanitized, wait_for
from support.faulty_proxy import FaultyProxy
from support.memory import MB, resident_bytes
from support.traffic import Traffic
from support.user import unique

# Routes notice within a second that the other end is mute. 2.9 has this for clients and routes
# together, and the clients of these tests do not always listen.
ALERT = 'ping_interval: "200ms"\n  ping_max: 2'


def is_alert(node):
    return node.kind != "2.9"


FLOOD = 96  # MB that are sent to a node that does not read
BOUND_MB = 64  # how much more memory a node may have after it than before

with_each = pytest.mark.parametrize("kinds", WITH_EACH, ids=names(WITH_EACH))


class Mesh:
    """Nodes behind proxies. Each has a client with subscriptions from before the fault."""

    def __init__(self, cluster, kinds, config=""):
        self.proxies = [FaultyProxy() for _ in kinds]
        self.nodes, self.users = [], []
        self.subjects = [unique("node.") for _ in kinds]
        for number, kind in enumerate(kinds):
            others = [proxy for proxy in self.proxies if proxy is not self.proxies[number]]
            node = cluster.node(kind, lasting=True, config=config, routes=others,
                                cluster="" if kind == "2.9" else ALERT,
                                advertise=self.proxies[number].address)
            self.proxies[number].target = node.route_port
            self.nodes.append(node)
        linked(*self.nodes)
        self.users = [self._user(number) for number in range(len(kinds))]

    def close(self):
        for user in self.users:
            user.close()
        for proxy in self.proxies:
            proxy.close()

    def _user(self, number):
        """Its plain subscription is its node's alone; everybody is a member of the group."""
        user = self.nodes[number].user()
        user.sub(self.subjects[number])
        user.sub("everybody")
        user.sub("everybody", "group")
        user.flush()
        return user

    def each_proxy(self, fault, *args):
        for proxy in self.proxies:
            getattr(proxy, fault)(*args)

    def came_back(self, number):
        """That node has been started again: its client comes back, too."""
        self.users[number].close()
        self.users[number] = self._user(number)

    def expect_right(self):
        """Sooner or later all know of all; then each message is delivered as it must be."""
        linked(*self.nodes)
        for user in self.users:
            user.announced(*(other for other in self.users if other is not user))
            user.flush().inbox.clear()
        for publisher in self.users:
            self._expect_delivery(publisher)
        nobody = unique("nobody.")
        for user in self.users:
            assert not user.has_responders(nobody)

    def _expect_delivery(self, publisher):
        for number in range(50):
            publisher.pub("everybody", str(number))
        for subject in self.subjects:
            publisher.pub(subject, subject)
        got = [[each.text for each in user.after(publisher)] if user is not publisher else
               self._own(publisher) for user in self.users]
        for subject, texts in zip(self.subjects, got):
            assert [text for text in texts if text in self.subjects] == [subject]
        everybody = [text for texts in got for text in texts if text not in self.subjects]
        copies = len(self.users) + 1  # one for the group
        assert sorted(everybody, key=int) == [str(n) for n in range(50) for _ in range(copies)]

    @staticmethod
    def _own(user):
        user.flush()
        texts = [each.text for each in user.inbox]
        user.inbox.clear()
        return texts


@pytest.fixture
def mesh(cluster):
    made = []

    def start(*args, **kwargs):
        made.append(Mesh(cluster, *args, **kwargs))
        return made[-1]
    yield start
    for each in made:
        each.close()


# -- the way between two nodes


@with_each
def test_cut(mesh, kinds):
    pair = mesh(kinds)
    for _ in range(3):
        pair.each_proxy("cut")
        pair.expect_right()


@with_each
def test_cut_while_interest_changes(mesh, kinds):
    """What was subscribed and unsubscribed while nobody could hear it is known afterwards."""
    pair = mesh(kinds)
    a, b = pair.users
    old = [a.sub(f"change.{number}") for number in range(100)]
    a.announced(b)
    pair.each_proxy("refuse")
    for number, sid in enumerate(old):
        if number % 2:
            a.unsub(sid)
    for number in range(100, 200):
        a.sub(f"change.{number}", "group" if number % 2 else None)
    a.flush()
    b.wait_responders("change.0", False)  # it has lost the route by now
    pair.each_proxy("heal")
    pair.expect_right()
    for number in range(200):
        assert b.has_responders(f"change.{number}") == (number >= 100 or number % 2 == 0), number
    a.announced(b)
    a.inbox.clear()


@with_each
def test_delay(mesh, kinds):
    """A long way: nothing is lost, nothing comes twice."""
    pair = mesh(kinds)
    pair.each_proxy("delay", 0.02)
    a, b = pair.users
    a.sub("late")
    a.announced(b)
    for number in range(200):
        b.pub("late", str(number))
    assert [each.text for each in a.after(b)] == [str(number) for number in range(200)]
    pair.expect_right()


@with_each
@pytest.mark.parametrize("fault", ["hold", "lose"])
def test_half_open(mesh, kinds, fault):
    """Both ends see an open connection through which nothing comes any more: they find out by
    their PINGs, and forget the other one's interest."""
    pair = mesh(kinds)
    pair.each_proxy(fault)
    for number, user in enumerate(pair.users):
        if is_alert(pair.nodes[number]):
            user.wait_responders(pair.subjects[1 - number], False)
    pair.each_proxy("cut")
    pair.each_proxy("heal")
    pair.expect_right()


@with_each
def test_half_open_that_comes_back_by_itself(mesh, kinds):
    """The way is only stuck for a moment: what is there lives on, or a new route is made."""
    pair = mesh(kinds)
    pair.each_proxy("hold")
    a, b = pair.users
    for number in range(100):
        b.pub(pair.subjects[0], str(number))
    b.flush()
    pair.each_proxy("heal")
    pair.expect_right()


@with_each
def test_flapping(mesh, kinds):
    """Cut again and again, at any moment, the handshake included."""
    pair = mesh(kinds)
    draw = random.Random(7)

    def dialled():
        return sum(proxy.accepted for proxy in pair.proxies)

    def cut_until_dialled(before):
        """One that was being made when it was cut may have got away."""
        pair.each_proxy("cut")
        return dialled() > before

    for _ in range(8):
        before = dialled()
        wait_for(lambda: cut_until_dialled(before), "another connection")
        for _ in range(draw.randrange(40)):
            pair.users[0].flush()
    pair.expect_right()


@with_each
def test_one_direction_is_refused(mesh, kinds):
    """One of two can not be reached; it reaches the other one."""
    pair = mesh(kinds)
    pair.proxies[0].refuse()
    pair.proxies[1].cut()
    pair.expect_right()


@with_each
def test_traffic_over_a_way_that_is_cut(mesh, kinds):
    """Messages of the time of the cut may be lost; none comes twice, and order is kept."""
    pair = mesh(kinds)
    numbers = pair.nodes[0].user()
    numbers.sub("numbers")
    numbers.announced(pair.users[1])
    traffic = Traffic(Client(pair.nodes[1].port).login(), "numbers")
    try:
        for _ in range(3):
            traffic.flow(100)
            pair.each_proxy("cut")
            linked(*pair.nodes)
        traffic.flow(100)
        count = traffic.stop()
    finally:
        traffic.abandon()
    numbers.announced(pair.users[1])
    got = [int(each.text) for each in numbers.inbox]
    assert got == sorted(set(got))
    assert got[-1] == count - 1, "the flow had come back"
    numbers.close()
    pair.expect_right()


# -- nodes


@with_each
@pytest.mark.parametrize("victim", [0, 1])
def test_kill(mesh, kinds, victim):
    pair = mesh(kinds)
    survivor = pair.users[1 - victim]
    for _ in range(2):
        pair.nodes[victim].kill()
        survivor.wait_responders(pair.subjects[victim], False)
        pair.nodes[victim].start()
        pair.came_back(victim)
        pair.expect_right()


@pytest.mark.parametrize("kind", KINDS)
def test_three_nodes_two_of_which_are_parted(mesh, kind):
    """The first sees both others, which do not see each other for a while."""
    three = mesh((FIRST, kind, FIRST))
    second, third = three.proxies[1:]
    third.refuse()
    second.cut()
    three.proxies[0].cut()
    third.heal()
    three.expect_right()
    for node in three.nodes:
        wait_connect_urls(node, *three.nodes)


@pytest.mark.parametrize("kind", KINDS)
def test_rolling_restart(mesh, kind):
    three = mesh((FIRST, kind, FIRST))
    for number, node in enumerate(three.nodes):
        node.restart()
        three.came_back(number)
        three.expect_right()


def test_faults_at_random(mesh):
    """The same draw each time; a failure can be repeated."""
    three = mesh((FIRST, KINDS[-1], FIRST))
    draw = random.Random(11)
    for _ in range(12):
        fault = draw.choice(["cut", "cut", "refuse", "lose", "hold"])
        proxy = draw.choice(three.proxies)
        getattr(proxy, fault)()
        draw.choice(three.users).flush()
        if draw.random() < 0.2:
            number = draw.randrange(3)
            three.nodes[number].kill()
            three.nodes[number].start()
            three.came_back(number)
        if draw.random() < 0.5:
            for each in three.proxies:
                each.cut()
                each.heal()
    three.each_proxy("cut")
    three.each_proxy("heal")
    three.expect_right()


# -- peers that do not read


@pytest.mark.parametrize("kind", KINDS)
def test_slow_route(mesh, kind):
    """A peer stops reading under a flood. Either the route is ended and made again, or it catches
    up; the node's memory stays bounded, and other clients are served meanwhile."""
    pair = mesh((FIRST, kind), config='write_deadline: "500ms"\n')
    node = pair.nodes[0]
    big, local = pair.nodes[1].user(), node.user()
    big.sub("flood")
    big.announced(local)
    before = resident_bytes(node.pid)
    pair.each_proxy("hold")
    flooding = node.user()
    body = b"x" * (1 << 20)
    bystander = node.user()
    bystander.sub("calm")
    for number in range(FLOOD):
        flooding.pub("flood", body)
        flooding.flush()
        local.pub("calm", str(number))
        assert bystander.next().text == str(number)
    if not is_sanitized():  # a sanitizer keeps what was freed
        wait_for(lambda: resident_bytes(node.pid) - before < BOUND_MB * MB,
                 lambda: f"less memory, it has grown by "
                         f"{(resident_bytes(node.pid) - before) // MB} MB")
    big.close()
    pair.each_proxy("cut")
    pair.each_proxy("heal")
    pair.expect_right()


def test_peer_that_only_dials(cluster):
    """Hundreds of connections that say nothing, or that end in the middle of the handshake: they
    cost little, and a real peer gets in."""
    node = cluster.node(FIRST)
    before = resident_bytes(node.pid)
    idle = [Client(node.route_port) for _ in range(200)]
    for number, each in enumerate(idle):
        each.send(b"CONNECT {\"verbose\":false,\"name\":\"x"[:number % 30])
    other = cluster.node(FIRST, routes=[node])
    linked(node, other)
    assert resident_bytes(node.pid) - before < 32 * MB
    for each in idle:
        each.abort()
    linked(node, other)
