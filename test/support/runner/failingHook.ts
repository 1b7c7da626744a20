describe("a file whose set-up fails", () => {
  before(() => {
    throw new Error("no set-up");
  });
  it("never runs", () => undefined);
});
