// SPDX-License-Identifier: Apache-2.0
//
// logins - an official JavaScript client logs in, and meets what it may not do
//
//   node logins.mjs CLIENT SCENARIO URL [CREDENTIALS]
//
// CLIENT is a package of package.json, as in interop.mjs. CREDENTIALS is JSON: {"token"},
// {"user", "pass"} or {"seed"}, the seed of an nkey; it goes through @nats-io/nkeys.
//
// Exit status 0: the server did what the client's users expect; 1: it did not, and stderr says
// what.

import assert from "node:assert/strict";

import { fromSeed } from "@nats-io/nkeys";

const [client, scenario, url, credentials = "{}"] = process.argv.slice(2);
const { connect, nkeyAuthenticator } = await import(client);

const WAIT_MS = 20000; // deadline of a condition that normally holds within milliseconds

// What went wrong, as each major version names it: an error code, then a class.
const KINDS = {
    refused: ["AUTHORIZATION_VIOLATION", "AuthorizationError"],
    "not permitted": ["PERMISSIONS_VIOLATION", "PermissionViolationError"],
};
const nameOf = (err) => (client === "nats" ? err.code : (err.cause ?? err).constructor.name);

function expectKind(err, kind) {
    const name = nameOf(err);
    assert.ok(KINDS[kind].includes(name), `${name} (${err.message}), not ${kind}`);
}

function dial() {
    const { seed, ...options } = JSON.parse(credentials);
    if (seed) {
        const bytes = new TextEncoder().encode(seed);
        assert.match(fromSeed(bytes).getPublicKey(), /^U/, "not the seed of a user");
        options.authenticator = nkeyAuthenticator(bytes);
    }
    return connect({ servers: url, timeout: WAIT_MS, reconnect: false, ...options });
}

/** The first error that is not about a subscription; those go to its callback. */
async function nextError(nc) {
    for await (const status of nc.status()) {
        if (status.type === "error") {
            return status.error ?? { code: status.data, message: status.data };
        }
    }
    assert.fail("the connection ended without an error");
}

/** What arrives first, a message or an error. */
function first(nc, subject) {
    return new Promise((resolve, reject) => {
        nc.subscribe(subject, { callback: (err, msg) => (err ? reject(err) : resolve(msg)) });
    });
}

const scenarios = {
    async accepted() {
        const nc = await dial();
        const arrival = first(nc, "free.in");
        nc.publish("free.in", "in");
        assert.equal((await arrival).string(), "in");
        await nc.close();
    },

    async refused() {
        await assert.rejects(dial(), (err) => {
            expectKind(err, "refused");
            return true;
        });
    },

    // The user may publish and subscribe to free.>, and to nothing else.
    async permissions() {
        const nc = await dial();
        await assert.rejects(first(nc, "closed"), (err) => {
            expectKind(err, "not permitted");
            return true;
        });
        const told = nextError(nc);
        nc.publish("closed", "x");
        expectKind(await told, "not permitted");
        const arrival = first(nc, "free.still");
        nc.publish("free.still", "in");
        assert.equal((await arrival).string(), "in");
        await nc.close();
    },

    // The credentials expire while the client is connected.
    async expired() {
        const nc = await dial();
        const ended = await nc.closed();
        assert.match(`${ended?.message} ${ended?.code}`, /expired/i);
    },
};

setTimeout(() => {
    console.error(`${scenario}: not done within ${WAIT_MS} ms`);
    process.exit(1);
}, WAIT_MS).unref();
await scenarios[scenario]();
