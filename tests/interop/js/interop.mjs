// SPDX-License-Identifier: Apache-2.0
//
// interop - one scenario of an official JavaScript client against a running server
//
//   node interop.mjs CLIENT SCENARIO URL [NAME=VALUE...]
//
// Exit status 0: the server did what the client's users expect; 1: it did not, and stderr says
// what. client.mjs has the words.

import { run } from "./client.mjs";
import { cluster } from "./cluster.mjs";
import { core } from "./core.mjs";
import { logins } from "./logins.mjs";
import { tls } from "./tls.mjs";

await run({ ...core, ...logins, ...tls, ...cluster });
