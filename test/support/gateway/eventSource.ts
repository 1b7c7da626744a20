/** A server-sent event as a browser reads it (HTML Standard §9.2.6). */
export interface ReceivedEvent {
  type: string;
  id: string | undefined;
  data: { id: string; at: string; payload: Record<string, unknown> } & Record<string, unknown>;
}

/** A stream of server-sent events, read by fetch. */
export interface EventStream {
  status: number;
  headers: Headers;
  /** Problem details, where there is no stream. */
  problem: Record<string, unknown>;
  events: ReceivedEvent[];
  /** Numbers of the user's events received so far. */
  cursors(): number[];
  /** Resolves when the stream is closed from the other side. */
  ended: Promise<void>;
  close(): void;
}

/** Reads a stream until it ends or is closed. */
export async function readEvents(url: string, headers: Record<string, string>): Promise<EventStream> {
  const controller = new AbortController();
  const response = await fetch(url, { headers, signal: controller.signal });
  const events: ReceivedEvent[] = [];
  const isStream = response.status === 200;
  const problem = isStream ? {} : ((await response.json()) as Record<string, unknown>);
  const ended = isStream ? read(response, events).catch(() => undefined) : Promise.resolve();
  return {
    status: response.status,
    headers: response.headers,
    problem,
    events,
    cursors: () => events.filter(({ type }) => !type.startsWith("gateway.")).map(({ id }) => Number(id)),
    ended,
    close: () => controller.abort(),
  };
}

async function read(response: Response, events: ReceivedEvent[]): Promise<void> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
    text += decoder.decode(chunk, { stream: true });
    const frames = text.split("\n\n");
    text = frames.pop() ?? "";
    for (const frame of frames) {
      const fields = new Map(frame.split("\n").map((line) => line.split(/: (.*)/s, 2) as [string, string]));
      const data = fields.get("data");
      if (data === undefined) continue;
      const type = fields.get("event") ?? "message";
      events.push({ type, id: fields.get("id"), data: JSON.parse(data) as ReceivedEvent["data"] });
    }
  }
}
