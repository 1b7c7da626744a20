import { expect } from "chai";
import { composeMail, type Mail } from "../../../api/notifications/mail";
import { createSmtpMailer } from "../../../api/notifications/smtpMailer";
import { wordingOf } from "../../../api/notifications/wording";
import { type SmtpServer, startSmtpServer } from "../../support/kyc/smtpServer";

const yes = () => Promise.resolve(true);

function mailTo(name: string): Mail {
  const wording = wordingOf(
    "kyc.declined",
    { reason: "the document has expired.", mayRetry: true },
    "https://id.example",
  );
  const to = { name, address: "zoe@example.com" };
  return composeMail(wording, { id: "kyc-1-2", from: "Cairn <no-reply@cairn.example>", to, sentAt: new Date(0) });
}

async function errorOf(sending: Promise<unknown>): Promise<Error & { code?: string }> {
  return sending.then(
    () => expect.fail("the message was sent"),
    (error: unknown) => error as Error & { code?: string },
  );
}

describe("mail by SMTP", () => {
  let server: SmtpServer;

  beforeEach(async () => {
    server = await startSmtpServer();
  });

  afterEach(() => server.close());

  it("hands over one message with an id that names the notification", async () => {
    expect(await createSmtpMailer(server.url).send(mailTo("Zoë Møller"), yes)).to.equal(true);
    expect(server.accepted).to.have.length(1);
    const [{ to, source } = { to: [], source: "" }] = server.accepted;
    expect(to).to.deep.equal(["zoe@example.com"]);
    expect(source).to.contain("Message-ID: <kyc-1-2@cairn.example>").and.to.contain("Auto-Submitted: auto-generated");
    expect(source).to.match(/^Subject: Your identity could not be verified\r$/m);
  });

  it("logs in with the user and password of its address", async () => {
    const url = server.url.replace("smtp://", "smtp://cairn%40example.com:secret@");
    await createSmtpMailer(url).send(mailTo("Zoë"), yes);
    expect(server.logins).to.deep.equal(["cairn@example.com"]);
  });

  it("sends nothing when the message is held back at the last moment", async () => {
    expect(await createSmtpMailer(server.url).send(mailTo("Zoë"), () => Promise.resolve(false))).to.equal(false);
    expect(server.accepted).to.deep.equal([]);
  });

  it("asks for the commit only once the server takes data, and before it can have taken the message", async () => {
    let takenAtCommit = -1;
    const commit = () => {
      takenAtCommit = server.accepted.length;
      return Promise.resolve(true);
    };
    await createSmtpMailer(server.url).send(mailTo("Zoë"), commit);
    expect([takenAtCommit, server.accepted.length]).to.deep.equal([0, 1]);

    server.behaviour = "refuses_recipient";
    takenAtCommit = -1;
    await errorOf(createSmtpMailer(server.url).send(mailTo("Zoë"), commit));
    expect(takenAtCommit).to.equal(-1);
  });

  it("tells a final refusal from one for now, without the server's words", async () => {
    for (const mood of ["refuses_recipient", "refuses_message"] as const) {
      server.behaviour = mood;
      const error = await errorOf(createSmtpMailer(server.url).send(mailTo("Zoë"), yes));
      expect(error.name).to.equal("MailRejectedError");
      expect(error.message).not.to.match(/mailbox|such a message|zoe/);
    }
    server.behaviour = "defers_message";
    expect(await errorOf(createSmtpMailer(server.url).send(mailTo("Zoë"), yes))).to.deep.include({
      code: "mail.deferred",
    });
  });

  it("says that nobody knows when the server is gone after the message", async () => {
    server.behaviour = "hangs_up_after_message";
    expect((await errorOf(createSmtpMailer(server.url).send(mailTo("Zoë"), yes))).name).to.equal("MailUncertainError");
  });

  it("says that a later try may help when the server cannot be reached", async () => {
    const { url } = server;
    await server.close();
    expect(await errorOf(createSmtpMailer(url).send(mailTo("Zoë"), yes))).to.deep.include({ code: "mail.unreachable" });
  });

  it("lets no name begin a header or a line", async () => {
    await createSmtpMailer(server.url).send(mailTo("Eve\r\nBcc: all@example.com\r\n\r\nBuy"), yes);
    const source = server.accepted[0]?.source ?? "";
    expect(source).not.to.match(/^Bcc:/m);
    expect(server.accepted[0]?.to).to.deep.equal(["zoe@example.com"]);
  });
});
