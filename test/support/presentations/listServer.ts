import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

/** Serves status lists, and other documents, of a test's own. */
export interface ListServer {
  origin: string;
  /** Serves what `make` returns for the new address, and returns that address. */
  serve(make: (url: string) => ServedList): string;
  /** Serves a document at a path, in place of what was there. */
  serveAt(path: string, document: ServedList): void;
  /** How often an address was asked. */
  fetches(url: string): number;
  close(): Promise<void>;
}

export interface ServedList {
  body: string | Buffer;
  mediaType?: string;
  status?: number;
}

export async function startListServer(): Promise<ListServer> {
  const lists = new Map<string, ServedList>();
  const asked = new Map<string, number>();
  const server = createServer(({ url = "" }, response) => {
    asked.set(url, (asked.get(url) ?? 0) + 1);
    const list = lists.get(url);
    response.writeHead(list?.status ?? (list === undefined ? 404 : 200), {
      "content-type": list?.mediaType ?? "application/statuslist+jwt",
    });
    response.end(list?.body);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    origin,
    serveAt: (path, document) => void lists.set(path, document),
    serve(make) {
      const path = `/lists/${lists.size}`;
      lists.set(path, make(origin + path));
      return origin + path;
    },
    fetches: (url) => asked.get(url.slice(origin.length)) ?? 0,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
