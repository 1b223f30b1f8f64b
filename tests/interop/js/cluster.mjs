// SPDX-License-Identifier: Apache-2.0
//
// cluster - numbers that keep coming although servers go

import assert from "node:assert/strict";
import { createInterface } from "node:readline";

import { comeBack, dial } from "./client.mjs";

export const cluster = {
    // Says "ready". For each number on stdin it waits until one so high has come, and tells that
    // by a message to "seen". Numbers may be missing, because nobody keeps them while the client is
    // away; none may come twice or too late.
    async follow() {
        const nc = await dial(comeBack);
        const arrivals = nc.subscribe("numbers")[Symbol.asyncIterator]();
        await nc.flush();
        console.log("ready");
        let last = -1;
        for await (const line of createInterface(process.stdin)) {
            while (last < Number(line)) {
                const number = Number((await arrivals.next()).value.string());
                assert.ok(number > last, `${number} came after ${last}`);
                last = number;
            }
            nc.publish("seen", line);
        }
        await nc.close();
    },
};
