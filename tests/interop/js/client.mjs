// SPDX-License-Identifier: Apache-2.0
//
// client - what all scenarios of the official JavaScript clients share
//
// The program's words are CLIENT SCENARIO URL [NAME=VALUE...]; CLIENT is a package of
// package.json: "nats" (2.x) or "@nats-io/transport-node" (3.x). Of what is used here they differ
// only in their errors. NAME is one of those in `dial`.

import assert from "node:assert/strict";

import { fromSeed } from "@nats-io/nkeys";

const [client, scenario, url, ...words] = process.argv.slice(2);
const library = await import(client);

export const { headers } = library;
export const WAIT_MS = 20000; // deadline of a condition that normally holds within milliseconds
export const visit = Object.fromEntries(
    words.map((word) => [word.slice(0, word.indexOf("=")), word.slice(word.indexOf("=") + 1)]),
);

// What went wrong, as each major version names it: an error code, then a class.
const KINDS = {
    refused: ["AUTHORIZATION_VIOLATION", "AuthorizationError"],
    "no responders": ["503", "NoRespondersError"],
    "not permitted": ["PERMISSIONS_VIOLATION", "PermissionViolationError"],
    timeout: ["TIMEOUT", "TimeoutError"],
};
const nameOf = (err) => (client === "nats" ? err.code : (err.cause ?? err).constructor.name);

export function expectKind(err, kind) {
    const name = nameOf(err);
    assert.ok(KINDS[kind].includes(name), `${name} (${err.message}), not ${kind}`);
}

export async function rejects(promise, kind) {
    await assert.rejects(promise, (err) => {
        expectKind(err, kind);
        return true;
    });
}

function signer(seed) {
    const bytes = new TextEncoder().encode(seed);
    assert.match(fromSeed(bytes).getPublicKey(), /^U/, "not the seed of a user");
    return library.nkeyAuthenticator(bytes);
}

// first: a TLS handshake before the INFO; name: of the host, as its certificate must have it.
// Without a CA the client takes no part in TLS that is only offered.
function tlsOptions({ ca, cert, key, name, first }) {
    if (!ca) {
        return null;
    }
    return {
        caFile: ca,
        ...(cert && { certFile: cert, keyFile: key }),
        ...(name && { servername: name }),
        ...(first && { handshakeFirst: true }),
    };
}

/** Options of a connection that comes back after each loss, soon. */
export const comeBack = {
    reconnect: true,
    reconnectTimeWait: 20,
    reconnectJitter: 1,
    maxReconnectAttempts: -1,
};

/** A connection that does not come back by itself, unless options say so. */
export function dial(options = {}) {
    const { url2, token, user, pass, seed } = visit;
    return library.connect({
        servers: url2 ? [url, url2] : url,
        noRandomize: true,
        token,
        user,
        pass,
        ...(seed && { authenticator: signer(seed) }),
        tls: tlsOptions(visit),
        timeout: WAIT_MS,
        reconnect: false,
        ...options,
    });
}

/** Runs the scenario that the command line names. */
export async function run(scenarios) {
    setTimeout(() => {
        console.error(`${scenario}: not done within ${WAIT_MS} ms`);
        process.exit(1);
    }, WAIT_MS).unref();
    assert.ok(scenarios[scenario], `unknown scenario "${scenario}"`);
    await scenarios[scenario]();
}
