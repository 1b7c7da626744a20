import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { WebSocket } from "ws";

const TIMEOUT_MS = 20_000;

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

/** The window and the preferences that a page is shown with. */
export interface View {
  width: number;
  height: number;
  scheme: ColorScheme;
  /** Device pixels a CSS pixel; 1 when absent. */
  scale?: number;
  reducedMotion?: boolean;
}

/** One tab with cookies of its own. */
export interface Tab {
  show(view: View): Promise<void>;
  goto(url: string): Promise<void>;
  /** The value of an expression in the page, as JSON carries it; a promise is awaited. */
  evaluate<T>(expression: string): Promise<T>;
  /** Presses a key, as a person would. */
  press(key: "Tab" | "Enter"): Promise<void>;
  /** Nothing of the page's own script runs. */
  disableScripts(): Promise<void>;
  /** Runs before the scripts of every page that is opened from now on. */
  prepare(source: string): Promise<void>;
  /** What screen readers get: role, name and level of every node that is not ignored, in the page's order. */
  accessibilityTree(): Promise<AccessibleNode[]>;
  /** PNG. */
  screenshot(options?: { fullPage?: boolean }): Promise<Buffer>;
  /** What the browser wrote to its console as errors; what a policy blocks is among it. */
  consoleErrors: string[];
  close(): Promise<void>;
}

export interface AccessibleNode {
  role: string;
  name: string;
  level: number | undefined;
  /** How promptly changes of it are read out (`aria-live`). */
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

/** Starts Chromium and connects to it by the DevTools protocol. */
export async function startChromium(path: string): Promise<Chromium> {
  const profile = mkdtempSync(join(tmpdir(), "cairn-chromium-"));
  const child = spawn(
    path,
    [
      "--headless=new",
      "--remote-debugging-port=0",
      `--user-data-dir=${profile}`,
      "--no-first-run",
      // A container has no user namespaces to make a sandbox of, and we show only our own page.
      "--no-sandbox",
      "--disable-gpu",
      "--disable-dev-shm-usage",
      "--hide-scrollbars",
      "--lang=en",
      "about:blank",
    ],
    { stdio: ["ignore", "ignore", "pipe"] },
  );
  const connection = await connect(await endpointOf(child));
  return {
    openTab: () => openTab(connection),
    async close() {
      const exited = once(child, "exit");
      connection.close();
      child.kill("SIGTERM");
      await exited;
      rmSync(profile, { recursive: true, force: true, maxRetries: 20 });
    },
  };
}

function endpointOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    const lines = createInterface({ input: child.stderr! });
    const timer = setTimeout(() => reject(new Error("Chromium did not start in time.")), TIMEOUT_MS);
    lines.on("line", (line) => {
      const found = /DevTools listening on (ws:\S+)/.exec(line)?.[1];
      if (found === undefined) return;
      clearTimeout(timer);
      resolve(found);
    });
    child.once("exit", (code) => reject(new Error(`Chromium ended with ${code ?? "a signal"}.`)));
  });
}

interface DevToolsConnection {
  send(method: string, params?: Json, sessionId?: string): Promise<Json>;
  /** Calls back with every event of a tab; returns what ends that. */
  listen(sessionId: string, onEvent: (method: string, params: Json) => void): () => void;
  close(): void;
}

async function connect(endpoint: string): Promise<DevToolsConnection> {
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
        const timer = setTimeout(() => reject(new Error(`${method} was not answered in time.`)), TIMEOUT_MS);
        waiting.set(id, ({ result, error }) => {
          clearTimeout(timer);
          waiting.delete(id);
          if (error === undefined) resolve(result ?? {});
          else reject(new Error(`${method}: ${error.message}`));
        });
        socket.send(JSON.stringify({ id, method, params, ...(sessionId !== undefined && { sessionId }) }));
      });
    },
    listen(sessionId, onEvent) {
      const listener = ({ sessionId: from, method, params }: Message) => {
        if (from === sessionId && method !== undefined) onEvent(method, params ?? {});
      };
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    close: () => socket.close(),
  };
}

async function openTab(connection: DevToolsConnection): Promise<Tab> {
  const { browserContextId } = await connection.send("Target.createBrowserContext");
  const { targetId } = await connection.send("Target.createTarget", { url: "about:blank", browserContextId });
  const { sessionId } = (await connection.send("Target.attachToTarget", { targetId, flatten: true })) as {
    sessionId: string;
  };
  const send = (method: string, params?: Json) => connection.send(method, params, sessionId);
  const { consoleErrors, stopListening } = collectErrors(connection, sessionId);
  for (const domain of ["Page", "Runtime", "Log", "Accessibility"]) await send(`${domain}.enable`);

  return {
    consoleErrors,
    async show({ width, height, scheme, scale = 1, reducedMotion = false }) {
      await send("Emulation.setDeviceMetricsOverride", { width, height, deviceScaleFactor: scale, mobile: false });
      const features = [
        { name: "prefers-color-scheme", value: scheme },
        { name: "prefers-reduced-motion", value: reducedMotion ? "reduce" : "no-preference" },
      ];
      await send("Emulation.setEmulatedMedia", { features });
    },
    async goto(url) {
      const load = waitForLoad(connection, sessionId);
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
      return inOrder(nodes).map(readNode);
    },
    async screenshot({ fullPage = false } = {}) {
      const { data } = await send("Page.captureScreenshot", { format: "png", captureBeyondViewport: fullPage });
      return Buffer.from(data as string, "base64");
    },
    async close() {
      stopListening();
      await connection.send("Target.disposeBrowserContext", { browserContextId });
    },
  };
}

/** What a page logs as an error or throws, from now on. */
function collectErrors(
  connection: DevToolsConnection,
  sessionId: string,
): { consoleErrors: string[]; stopListening: () => void } {
  const consoleErrors: string[] = [];
  const stopListening = connection.listen(sessionId, (method, params) => {
    if (method === "Log.entryAdded") {
      const { level, text } = params["entry"] as { level: string; text: string };
      if (level === "error") consoleErrors.push(text);
    }
    if (method === "Runtime.exceptionThrown") consoleErrors.push(JSON.stringify(params["exceptionDetails"]));
  });
  return { consoleErrors, stopListening };
}

/** Resolves when the tab fires its next load event. */
function waitForLoad(connection: DevToolsConnection, sessionId: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error("The page did not load in time.")), TIMEOUT_MS);
    const stop = connection.listen(sessionId, (method) => {
      if (method !== "Page.loadEventFired") return;
      clearTimeout(timer);
      stop();
      resolve();
    });
  });
}

interface AxNode {
  nodeId: string;
  ignored: boolean;
  role?: { value: string };
  name?: { value: string };
  childIds?: string[];
  properties?: { name: string; value: { value: unknown } }[];
}

function readNode({ role, name, properties = [] }: AxNode) {
  const property = (wanted: string) => properties.find((one) => one.name === wanted)?.value.value;
  return {
    role: role?.value ?? "",
    name: name?.value ?? "",
    level: property("level") as number | undefined,
    live: property("live") as string | undefined,
  };
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
