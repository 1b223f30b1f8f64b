// SPDX-License-Identifier: Apache-2.0
//
// logins - who may enter, and what those may not do who did

import assert from "node:assert/strict";

import { dial, expectKind, rejects } from "./client.mjs";

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

export const logins = {
    async accepted() {
        const nc = await dial();
        const arrival = first(nc, "free.in");
        nc.publish("free.in", "in");
        assert.equal((await arrival).string(), "in");
        await nc.close();
    },

    async refused() {
        await rejects(dial(), "refused");
    },

    // The user may publish and subscribe to free.>, and to nothing else.
    async permissions() {
        const nc = await dial();
        await rejects(first(nc, "closed"), "not permitted");
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
