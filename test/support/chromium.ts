import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { WebSocket } from "ws";

const PATIENCE_MS = 60_000;

const INSTALLED = [
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
];

/** Where this machine has a Chromium: what `CHROMIUM_PATH` names, or a usual place; undefined when it has none. */
export function chromiumPath(): string | undefined {
  return [process.env["CHROMIUM_PATH"] ?? "", ...INSTALLED].find((path) => path !== "" && existsSync(path));
}

export type ColorScheme = "light" | "dark";

/** How a page is shown to a person. */
export interface Look {
  width: number;
  height: number;
  scheme: ColorScheme;
  /** Device pixels a CSS pixel; 1 when absent. */
  scale?: number;
  reducedMotion?: boolean;
}

/** One tab with cookies of its own. */
export interface Tab {
  look(look: Look): Promise<void>;
  goto(url: string): Promise<void>;
  /** The value of an expression in the page, as JSON carries it; a promise is awaited. */
  evaluate<T>(expression: string): Promise<T>;
  /** Presses a key, as a person would. */
  press(key: "Tab" | "Enter"): Promise<void>;
  /** Nothing of the page's own script runs. */
  disableScripts(): Promise<void>;
  /** Runs before the scripts of every page that is opened from now on. */
  prepare(source: string): Promise<void>;
  /** What screen readers are told: role, name and level of every node that is not ignored, in the page's order. */
  accessibilityTree(): Promise<AccessibleNode[]>;
  /** PNG. */
  screenshot(options?: { fullPage?: boolean }): Promise<Buffer>;
  /** Errors and refusals that the browser wrote to its console. */
  complaints: string[];
  close(): Promise<void>;
}

export interface AccessibleNode {
  role: string;
  name: string;
  level: number | undefined;
  /** How eagerly changes of it are read out. */
  live: string | undefined;
}

/** A real browser without a window. */
export interface Chromium {
  openTab(): Promise<Tab>;
  close(): Promise<void>;
}

type Json = Record<string, unknown>;
interface Message {
  id?: number;
  sessionId?: string;
  method?: string;
  params?: Json;
  result?: Json;
  error?: { message: string };
}

/** Starts Chromium and speaks the DevTools protocol with it. */
export async function startChromium(path: string): Promise<Chromium> {
  const profile = mkdtempSync(join(tmpdir(), "cairn-chromium-"));
  const child = spawn(
    path,
    [
      ...["--headless=new", "--remote-debugging-port=0", `--user-data-dir=${profile}`, "--no-first-run"],
      // A container has no user namespaces to make a sandbox of, and we show only our own page.
      ...["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars", "--lang=en", "about:blank"],
    ],
    { stdio: ["ignore", "ignore", "pipe"] },
  );
  const wire = await connect(await endpointOf(child));
  return {
    openTab: () => openTab(wire),
    async close() {
      const gone = once(child, "exit");
      wire.close();
      child.kill("SIGTERM");
      await gone;
      rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

function endpointOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    const lines = createInterface({ input: child.stderr! });
    const timer = setTimeout(() => reject(new Error("Chromium did not start in time.")), PATIENCE_MS);
    lines.on("line", (line) => {
      const found = /DevTools listening on (ws:\S+)/.exec(line)?.[1];
      if (found === undefined) return;
      clearTimeout(timer);
      resolve(found);
    });
    child.once("exit", (code) => reject(new Error(`Chromium ended with ${code ?? "a signal"}.`)));
  });
}

interface Wire {
  send(method: string, params?: Json, sessionId?: string): Promise<Json>;
  /** Hears what a tab reports; gives a way to stop listening. */
  listen(sessionId: string, hear: (method: string, params: Json) => void): () => void;
  close(): void;
}

async function connect(endpoint: string): Promise<Wire> {
  const socket = new WebSocket(endpoint);
  await once(socket, "open");
  const waiting = new Map<number, (message: Message) => void>();
  const listeners = new Set<(message: Message) => void>();
  let lastId = 0;
  socket.on("message", (data: Buffer) => {
    const message = JSON.parse(data.toString()) as Message;
    if (message.id === undefined) for (const listener of listeners) listener(message);
    else waiting.get(message.id)?.(message);
  });
  return {
    send(method, params = {}, sessionId) {
      const id = (lastId += 1);
      return new Promise((resolve, reject) => {
        const timer = setTimeout(() => reject(new Error(`${method} was not answered in time.`)), PATIENCE_MS);
        waiting.set(id, ({ result, error }) => {
          clearTimeout(timer);
          waiting.delete(id);
          if (error === undefined) resolve(result ?? {});
          else reject(new Error(`${method}: ${error.message}`));
        });
        socket.send(JSON.stringify({ id, method, params, ...(sessionId !== undefined && { sessionId }) }));
      });
    },
    listen(sessionId, hear) {
      const listener = ({ sessionId: from, method, params }: Message) => {
        if (from === sessionId && method !== undefined) hear(method, params ?? {});
      };
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    close: () => socket.close(),
  };
}

async function openTab(wire: Wire): Promise<Tab> {
  const { browserContextId } = await wire.send("Target.createBrowserContext");
  const { targetId } = await wire.send("Target.createTarget", { url: "about:blank", browserContextId });
  const { sessionId } = (await wire.send("Target.attachToTarget", { targetId, flatten: true })) as {
    sessionId: string;
  };
  const send = (method: string, params?: Json) => wire.send(method, params, sessionId);
  const complaints: string[] = [];
  const stopListening = wire.listen(sessionId, (method, params) => {
    if (method === "Log.entryAdded") {
      const { level, text } = params["entry"] as { level: string; text: string };
      if (level === "error") complaints.push(text);
    }
    if (method === "Runtime.exceptionThrown") complaints.push(JSON.stringify(params["exceptionDetails"]));
  });
  for (const domain of ["Page", "Runtime", "Log", "Accessibility"]) await send(`${domain}.enable`);

  function loaded(): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error("The page did not load in time.")), PATIENCE_MS);
      const stop = wire.listen(sessionId, (method) => {
        if (method !== "Page.loadEventFired") return;
        clearTimeout(timer);
        stop();
        resolve();
      });
    });
  }

  return {
    complaints,
    async look({ width, height, scheme, scale = 1, reducedMotion = false }) {
      await send("Emulation.setDeviceMetricsOverride", { width, height, deviceScaleFactor: scale, mobile: false });
      const features = [
        { name: "prefers-color-scheme", value: scheme },
        { name: "prefers-reduced-motion", value: reducedMotion ? "reduce" : "no-preference" },
      ];
      await send("Emulation.setEmulatedMedia", { features });
    },
    async goto(url) {
      const load = loaded();
      await send("Page.navigate", { url });
      await load;
    },
    async evaluate<T>(expression: string): Promise<T> {
      const evaluated = await send("Runtime.evaluate", { expression, awaitPromise: true, returnByValue: true });
      const { result, exceptionDetails } = evaluated as { result: { value: unknown }; exceptionDetails?: unknown };
      if (exceptionDetails !== undefined) throw new Error(JSON.stringify(exceptionDetails));
      return result.value as T;
    },
    async press(key) {
      const code = key === "Tab" ? 9 : 13;
      const text = key === "Enter" ? { text: "\r" } : {};
      const common = { key, code: key, windowsVirtualKeyCode: code };
      await send("Input.dispatchKeyEvent", { type: "keyDown", ...common, ...text });
      await send("Input.dispatchKeyEvent", { type: "keyUp", ...common });
    },
    async disableScripts() {
      await send("Emulation.setScriptExecutionDisabled", { value: true });
    },
    async prepare(source) {
      await send("Page.addScriptToEvaluateOnNewDocument", { source });
    },
    async accessibilityTree() {
      const { nodes } = (await send("Accessibility.getFullAXTree")) as { nodes: AxNode[] };
      return inOrder(nodes).map(({ role, name, properties = [] }) => {
        const property = (wanted: string) => properties.find((one) => one.name === wanted)?.value.value;
        return {
          role: role?.value ?? "",
          name: name?.value ?? "",
          level: property("level") as number | undefined,
          live: property("live") as string | undefined,
        };
      });
    },
    async screenshot({ fullPage = false } = {}) {
      const { data } = await send("Page.captureScreenshot", { format: "png", captureBeyondViewport: fullPage });
      return Buffer.from(data as string, "base64");
    },
    async close() {
      stopListening();
      await wire.send("Target.disposeBrowserContext", { browserContextId });
    },
  };
}

interface AxNode {
  nodeId: string;
  ignored: boolean;
  role?: { value: string };
  name?: { value: string };
  childIds?: string[];
  properties?: { name: string; value: { value: unknown } }[];
}

function inOrder(nodes: AxNode[]): AxNode[] {
  const byId = new Map(nodes.map((node) => [node.nodeId, node]));
  const walk = (node: AxNode): AxNode[] => [
    ...(node.ignored ? [] : [node]),
    ...(node.childIds ?? []).flatMap((id) => {
      const child = byId.get(id);
      return child === undefined ? [] : walk(child);
    }),
  ];
  return nodes[0] === undefined ? [] : walk(nodes[0]);
}
