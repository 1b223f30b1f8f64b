// SPDX-License-Identifier: Apache-2.0
//
// interop - one scenario of an official JavaScript client against a running server
//
//   node interop.mjs CLIENT SCENARIO URL [TOKEN]
//
// CLIENT is a package of package.json: "nats" (2.x) or "@nats-io/transport-node" (3.x). Of what is
// used here they differ only in their errors.
//
// Exit status 0: the server did what the client's users expect; 1: it did not, and stderr says
// what. Nothing here waits and hopes: after a flush of the publisher and then of the subscriber
// everything that will be delivered has been processed, so counts are exact.

import assert from "node:assert/strict";

const [client, scenario, url, token] = process.argv.slice(2);
const { connect, headers } = await import(client);

const WAIT_MS = 20000; // deadline of a condition that normally holds within milliseconds
const SILENCE_MS = 100; // how long a request waits for the answer that must not come
const MESSAGES = 300;

// What went wrong, as each major version names it: an error code, then a class.
const KINDS = {
    refused: ["AUTHORIZATION_VIOLATION", "AuthorizationError"],
    "no responders": ["503", "NoRespondersError"],
    timeout: ["TIMEOUT", "TimeoutError"],
};
const nameOf = (err) => (client === "nats" ? err.code : (err.cause ?? err).constructor.name);

async function rejects(promise, kind) {
    await assert.rejects(promise, (err) => {
        const name = nameOf(err);
        assert.ok(KINDS[kind].includes(name), `${name} (${err.message}), not ${kind}`);
        return true;
    });
}

function dial(options = {}) {
    return connect({ servers: url, token, timeout: WAIT_MS, reconnect: false, ...options });
}

/** Subscribes and collects; the list grows as messages arrive. */
async function collect(nc, subject, options = {}) {
    const got = [];
    const subscription = nc.subscribe(subject, {
        ...options,
        callback: (err, msg) => {
            assert.ifError(err);
            got.push(msg);
            options.onMessage?.(msg);
        },
    });
    await nc.flush();
    return { got, subscription };
}

async function publishNumbers(nc, subject) {
    for (let i = 0; i < MESSAGES; i++) {
        nc.publish(subject, String(i));
    }
    await nc.flush();
}

const numbers = Array.from({ length: MESSAGES }, (_, i) => String(i));
const texts = (got) => got.map((msg) => msg.string());

const scenarios = {
    async pubsub() {
        const [publisher, subscriber] = [await dial(), await dial()];
        const { got } = await collect(subscriber, "pubsub");
        await publishNumbers(publisher, "pubsub");
        const large = new Uint8Array(publisher.info.max_payload).map((_, i) => i * 7 + (i >> 8));
        publisher.publish("pubsub", new Uint8Array(0));
        publisher.publish("pubsub", large);
        await publisher.flush();
        await subscriber.flush();
        const [empty, last] = got.splice(MESSAGES);
        assert.deepEqual(texts(got), numbers);
        assert.equal(empty.data.length, 0);
        assert.equal(Buffer.compare(last.data, large), 0, "the large payload came back changed");
        await publisher.close();
        await subscriber.close();
    },

    async wildcards() {
        const nc = await dial();
        for (const [pattern, subject, deliveries] of [
            ["orders.*", "orders.eu", 1],
            ["orders.*", "orders.eu.west", 0],
            ["orders.*", "orders", 0],
            ["orders.>", "orders.eu", 1],
            ["orders.>", "orders.eu.west", 1],
            ["orders.>", "orders", 0],
            ["*.eu.*", "orders.eu.west", 1],
            ["*.eu.*", "orders.us.west", 0],
            [">", "orders.eu.west", 1],
            ["*", "orders", 1],
            ["or*", "orders", 0],
            ["orders.eu", "orders.EU", 0],
        ]) {
            const { got, subscription } = await collect(nc, pattern);
            nc.publish(subject);
            await nc.flush();
            assert.equal(got.length, deliveries, `"${pattern}" and "${subject}"`);
            subscription.unsubscribe();
        }
        await nc.close();
    },

    async unsubscribe() {
        const nc = await dial();
        await collect(nc, "unsubscribe", { max: 5 });
        await publishNumbers(nc, "unsubscribe");
        // What the server sent: the client would hide what comes after the limit.
        assert.equal(nc.stats().inMsgs, 5);
        const { got, subscription } = await collect(nc, "unsubscribe");
        await publishNumbers(nc, "unsubscribe");
        assert.deepEqual(texts(got), numbers);
        subscription.unsubscribe();
        await publishNumbers(nc, "unsubscribe");
        assert.equal(nc.stats().inMsgs, 5 + MESSAGES);
        await nc.close();
    },

    async queue() {
        const nc = await dial();
        const plain = await collect(nc, "queue");
        const members = [];
        for (const subject of ["queue", "*", "queue"]) {
            const member = await dial();
            members.push({ member, ...(await collect(member, subject, { queue: "workers" })) });
        }
        await publishNumbers(nc, "queue");
        const all = [];
        for (const { member, got } of members) {
            await member.flush();
            assert.notEqual(got.length, 0, "a member of the queue group got nothing");
            all.push(...texts(got));
            await member.close();
        }
        assert.deepEqual(all.sort((a, b) => a - b), numbers);
        assert.deepEqual(texts(plain.got), numbers);
        await nc.close();
    },

    async request() {
        const [requester, responder] = [await dial(), await dial()];
        await collect(responder, "request", { onMessage: (msg) => msg.respond(msg.data) });
        for (const number of numbers) {
            const reply = await requester.request("request", number, { timeout: WAIT_MS });
            assert.equal(reply.string(), number);
        }
        const inFlight = numbers.map((number) =>
            requester.request("request", number, { timeout: WAIT_MS }),
        );
        assert.deepEqual(texts(await Promise.all(inFlight)), numbers);
        await requester.close();
        await responder.close();
    },

    async headers() {
        const [publisher, subscriber] = [await dial(), await dial()];
        const { got } = await collect(subscriber, "headers");
        await collect(subscriber, "headers.echo", {
            onMessage: (msg) => msg.respond(msg.data, { headers: msg.headers }),
        });
        const sent = headers();
        sent.set("Trace", "a: b, c");
        sent.append("Hop", "first");
        sent.append("Hop", "second");
        publisher.publish("headers", "with a payload", { headers: sent });
        publisher.publish("headers", "", { headers: sent });
        await publisher.flush();
        await subscriber.flush();
        const options = { headers: sent, timeout: WAIT_MS };
        got.push(await publisher.request("headers.echo", "asked", options));
        assert.deepEqual(texts(got), ["with a payload", "", "asked"]);
        for (const msg of got) {
            assert.equal(msg.headers.get("Trace"), "a: b, c");
            assert.deepEqual(msg.headers.values("Hop"), ["first", "second"]);
        }
        await publisher.close();
        await subscriber.close();
    },

    async "no-responders"() {
        const [nc, other] = [await dial(), await dial()];
        await rejects(nc.request("nobody", "?", { timeout: WAIT_MS }), "no responders");
        const { subscription } = await collect(other, "nobody");
        await rejects(nc.request("nobody", "?", { timeout: SILENCE_MS }), "timeout");
        subscription.unsubscribe();
        await other.flush();
        await rejects(nc.request("nobody", "?", { timeout: WAIT_MS }), "no responders");
        await nc.close();
        await other.close();
    },

    // The harness stops the server at "ready" and starts it again at "lost".
    async reconnect() {
        const nc = await dial({
            reconnect: true,
            reconnectTimeWait: 20,
            reconnectJitter: 1,
            maxReconnectAttempts: -1,
        });
        const arrivals = nc.subscribe("reconnect")[Symbol.asyncIterator]();
        const expectNext = async (text) =>
            assert.equal((await arrivals.next()).value.string(), text);
        nc.publish("reconnect", "before");
        await expectNext("before");
        const statuses = nc.status()[Symbol.asyncIterator]();
        const status = async (wanted) => {
            for (;;) {
                const { type } = (await statuses.next()).value;
                if (type === wanted) return;
            }
        };
        console.log("ready");
        await status("disconnect");
        console.log("lost");
        await status("reconnect");
        nc.publish("reconnect", "after");
        await expectNext("after");
        await nc.close();
    },

    async accepted() {
        const nc = await dial();
        const { got } = await collect(nc, "accepted");
        nc.publish("accepted", "in");
        await nc.flush();
        assert.deepEqual(texts(got), ["in"]);
        await nc.close();
    },

    async refused() {
        await rejects(dial(), "refused");
    },
};

setTimeout(() => {
    console.error(`${scenario}: not done within ${WAIT_MS} ms`);
    process.exit(1);
}, WAIT_MS).unref();
await scenarios[scenario]();
