// Answers a constant of as many bytes as it is told.
import Fastify from "fastify";

const bytes = Number(process.argv[2]);
const constant = JSON.stringify({ status: "ok", pad: "" });
const body = constant.replace('""', `"${"x".repeat(Math.max(0, bytes - constant.length))}"`);

const server = Fastify({ logger: false });
server.get("/", (request, reply) => reply.type("application/json; charset=utf-8").send(body));
const address = await server.listen({ host: "127.0.0.1", port: 0 });
console.log(`${address} ${process.versions.node}`);
