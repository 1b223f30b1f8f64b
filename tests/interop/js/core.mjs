// SPDX-License-Identifier: Apache-2.0
//
// core - publish and subscribe, queue groups, requests, headers, and coming back
//
// Nothing here waits and hopes: after a flush of the publisher and then of the subscriber
// everything that will be delivered has been processed, so counts are exact.

import assert from "node:assert/strict";

import { comeBack, dial, headers, rejects, visit, WAIT_MS } from "./client.mjs";

const SILENCE_MS = 100; // how long a request waits for the answer that must not come
const MESSAGES = 300;
// Around the sizes of a TLS record and of buffers, up to the server's default limit.
const SIZES = [0, 1, 8191, 16384, 16385, 65536, 300001, 1024 * 1024];

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

const bodies = SIZES.map((size) => new Uint8Array(size).map((_, i) => i * 7 + (i >> 8)));

function expectBodies(got) {
    assert.equal(got.length, bodies.length);
    got.forEach((msg, i) =>
        assert.equal(Buffer.compare(msg.data, bodies[i]), 0, `${SIZES[i]} bytes came back changed`),
    );
}

export const core = {
    async pubsub() {
        const [publisher, subscriber] = [await dial(), await dial()];
        const { got } = await collect(subscriber, "pubsub");
        await publishNumbers(publisher, "pubsub");
        bodies.forEach((body) => publisher.publish("pubsub", body));
        await publisher.flush();
        await subscriber.flush();
        const sized = got.splice(MESSAGES);
        assert.deepEqual(texts(got), numbers);
        expectBodies(sized);
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
        const sized = [];
        for (const body of bodies) {
            sized.push(await requester.request("request", body, { timeout: WAIT_MS }));
        }
        expectBodies(sized);
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

    // The harness takes the connection away at "ready" and, if it did so by stopping the server,
    // starts one at "lost". With two URLs that happens twice.
    async reconnect() {
        const nc = await dial(comeBack);
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
        for (let rounds = visit.url2 ? 2 : 1; rounds > 0; rounds--) {
            console.log("ready");
            await status("disconnect");
            console.log("lost");
            await status("reconnect");
            nc.publish("reconnect", "after");
            await expectNext("after");
        }
        await nc.close();
    },
};
