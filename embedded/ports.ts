import { connect, createServer } from "node:net";

const LOOPBACK = "127.0.0.1";

/**
 * A TCP port on loopback that is free now: the preferred one if it is, else any. Another process may take it before the
 * caller binds it, which then calls this again.
 */
export async function freePort(preferred?: number): Promise<number> {
  if (preferred !== undefined && preferred !== 0 && (await isFree(preferred))) return preferred;
  return (await bindOnce(0)) as number;
}

/** Whether a TCP port on loopback is free. Tested in two ways: some systems let 127.0.0.1 be bound beside a server that listens on every address. */
export async function isFree(port: number): Promise<boolean> {
  return !(await answers(port)) && (await bindOnce(port)) !== null;
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: LOOPBACK, port });
    const settle = (answered: boolean) => {
      socket.destroy();
      resolve(answered);
    };
    socket.setTimeout(500, () => settle(true));
    socket.once("connect", () => settle(true)).once("error", () => settle(false));
  });
}

/** The port that was bound and freed again, null when it could not be. */
function bindOnce(port: number): Promise<number | null> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", (error) => (port === 0 ? reject(error) : resolve(null)));
    server.listen({ host: LOOPBACK, port, exclusive: true }, () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : port));
    });
  });
}
