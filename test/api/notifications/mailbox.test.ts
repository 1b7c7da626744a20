import { expect } from "chai";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createHttpApp } from "../../../api/http/httpApp";
import { listen } from "../../../api/http/server";
import { composeMail } from "../../../api/notifications/mail";
import { listMailbox, createMailboxMailer } from "../../../api/notifications/mailbox";
import { mailboxEndpoints } from "../../../api/notifications/routes";
import { loadConfig } from "../../../core/config/config";
import { pino } from "pino";

const yes = () => Promise.resolve(true);

function mail(id: string, name = "Zoë <script>", sentAt = new Date("2026-03-01T12:00:00Z")) {
  const wording = { subject: `Letter ${id}`, paragraphs: ["First & foremost.", "Second."] };
  return composeMail(wording, {
    id,
    from: "Cairn <no-reply@localhost>",
    to: { name, address: "zoe@example.com" },
    sentAt,
  });
}

describe("the mailbox folder", () => {
  let folder: string;

  beforeEach(() => {
    folder = join(mkdtempSync(join(tmpdir(), "cairn-mailbox-")), "new");
  });

  afterEach(() => rmSync(join(folder, ".."), { recursive: true, force: true }));

  it("is empty before the first letter", async () => {
    expect(await listMailbox(folder)).to.deep.equal([]);
  });

  it("holds one message however often one id is sent, raced by sixteen", async () => {
    const mailbox = createMailboxMailer(folder);
    await Promise.all(Array.from({ length: 16 }, () => mailbox.send(mail("kyc-1-2"), yes)));
    expect(readdirSync(folder)).to.deep.equal(["kyc-1-2.eml"]);
  });

  it("writes nothing that is held back", async () => {
    await createMailboxMailer(folder).send(mail("kyc-1-2"), () => Promise.resolve(false));
    expect(readdirSync(folder)).to.deep.equal([]);
  });

  it("gives every letter back as it was, the newest first", async () => {
    const mailbox = createMailboxMailer(folder);
    await mailbox.send(mail("a", "Zoë", new Date("2026-03-01T12:00:00Z")), yes);
    await mailbox.send(mail("b", "Zoë", new Date("2026-03-02T12:00:00Z")), yes);
    const letters = await listMailbox(folder);
    expect(letters.map(({ id }) => id)).to.deep.equal(["b", "a"]);
    expect(letters[1]).to.deep.equal({
      id: "a",
      to: '"Zoë" <zoe@example.com>',
      subject: "Letter a",
      text: "Hello Zoë,\n\nFirst & foremost.\n\nSecond.\n\nCairn\n",
      sentAt: new Date("2026-03-01T12:00:00Z"),
    });
  });

  it("is listed as a page on which nothing can run", async () => {
    await createMailboxMailer(folder).send(mail("kyc-1-2"), yes);
    const app = createHttpApp(mailboxEndpoints({ folder }), {
      readSession: () => Promise.reject(new Error("no sessions")),
      readApiKey: () => Promise.reject(new Error("no keys")),
      createBudget: () => expect.fail("no budgets"),
      bodyLimitBytes: 1,
      publicUrl: "http://localhost",
      logger: pino({ level: "silent" }),
      trustProxy: 0,
      onFinished: () => undefined,
    });
    const server = await listen(app, { host: "127.0.0.1", port: 0 });
    try {
      const page = await fetch(`http://127.0.0.1:${server.port}/dev/mailbox`);
      expect(page.headers.get("content-security-policy")).to.match(/^default-src 'none'; style-src 'sha256-/);
      const text = await page.text();
      expect(text).to.contain("Zoë &lt;script&gt;").and.not.to.contain("<script>");
      const list = await fetch(`http://127.0.0.1:${server.port}/dev/mailbox/messages`);
      expect(((await list.json()) as { messages: unknown[] }).messages).to.have.length(1);
    } finally {
      await server.close(1_000);
    }
  });

  it("is refused in production", () => {
    const production = {
      NODE_ENV: "production",
      MONGODB_URI: "mongodb://cairn:x7Qm2vTz@db.example/cairn",
      REDIS_URL: "redis://:x7Qm2vTz@redis.example",
      RPC_URL: "https://rpc.example",
      CHAIN_ID: "1",
      PUBLIC_URL: "https://id.example",
      MAILBOX_DIR: folder,
      KEYSTORE_PASSPHRASE: "a passphrase of our own",
    };
    expect(loadConfig("api", production)).not.to.have.property("mail");
  });
});
