/** A page, or where the browser is sent instead. */
export interface DemoPage {
  status: number;
  /** The page's heading; empty where there is none. */
  heading: string;
  text: string;
  /** Where it redirects to, whole; null where it does not. */
  location: string | null;
}

/** A browser that keeps one site's cookies, and shows each redirect instead of following it. */
export interface DemoBrowser {
  open(url: string): Promise<DemoPage>;
  /** Sends a form. */
  send(url: string, form: Record<string, string>): Promise<DemoPage>;
}

export function createDemoBrowser(): DemoBrowser {
  const cookies = new Map<string, string>();
  async function request(url: string, form: Record<string, string> | null): Promise<DemoPage> {
    const answered = await fetch(url, {
      method: form === null ? "GET" : "POST",
      headers: { accept: "text/html", cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join("; ") },
      body: form === null ? null : new URLSearchParams(form),
      redirect: "manual",
    });
    for (const line of answered.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      if (name !== undefined && value !== undefined) cookies.set(name, value);
    }
    const text = await answered.text();
    const location = answered.headers.get("location");
    return {
      status: answered.status,
      heading: /<h1[^>]*>([^<]*)<\/h1>/.exec(text)?.[1] ?? "",
      text,
      location: location === null ? null : new URL(location, url).href,
    };
  }
  return {
    open: (url) => request(url, null),
    send: (url, form) => request(url, form),
  };
}
