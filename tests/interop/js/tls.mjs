// SPDX-License-Identifier: Apache-2.0
//
// tls - certificates that are not taken, and numbered messages that flow until told to stop

import assert from "node:assert/strict";
import { createInterface } from "node:readline";
import { setTimeout as pause } from "node:timers/promises";

import { dial } from "./client.mjs";

const SUBJECT = "numbers";
const BATCH = 20;
const PACE_MS = 2; // a flow, not a flood

// OpenSSL's and Node's words for a server's certificate that is not taken.
const UNTRUSTED = [
    "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
    "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
    "CERT_HAS_EXPIRED",
    "ERR_TLS_CERT_ALTNAME_INVALID",
];

/** The codes of an error and of what caused it. */
function codes(err) {
    return err ? [err.code, ...codes(err.cause ?? err.chainedError)] : [];
}

export const tls = {
    // The client does not take the server's certificate.
    async untrusted() {
        await assert.rejects(dial(), (err) => {
            assert.ok(
                codes(err).some((code) => UNTRUSTED.includes(code)),
                `${codes(err)}: ${err.message}`,
            );
            return true;
        });
    },

    // The server does not take the client's certificate. In TLS 1.3 the client learns that when
    // its own handshake is done.
    async rejected() {
        await assert.rejects(dial(), (err) => {
            assert.match(`${codes(err)}: ${err.message}`, /alert|CONNECTION_CLOSED|ECONNRESET/i);
            return true;
        });
    },

    // Sends 0, 1, 2... until stdin ends. Whoever writes a line to stdin gets the count; at the
    // end of stdin it is the last one.
    async publish() {
        const nc = await dial();
        let [count, asked, ended] = [0, false, false];
        process.stdin.on("data", () => (asked = true)).on("end", () => (ended = true));
        while (!ended) {
            for (let i = 0; i < BATCH; i++) {
                nc.publish(SUBJECT, String(count++));
            }
            await nc.flush();
            await pause(PACE_MS);
            if (asked || ended) {
                asked = false;
                console.log(count);
            }
        }
        await nc.close();
    },

    // Says "ready"; a line of stdin says how many must have come, in order, each once.
    async receive() {
        const nc = await dial();
        let count = 0;
        nc.subscribe(SUBJECT, {
            callback: (err, msg) => {
                assert.ifError(err);
                assert.equal(msg.string(), String(count++));
            },
        });
        await nc.flush();
        const lines = createInterface(process.stdin)[Symbol.asyncIterator]();
        console.log("ready");
        const wanted = Number((await lines.next()).value);
        await nc.flush();
        assert.equal(count, wanted);
        await nc.close();
    },
};
