describe("a file whose tests pass", () => {
  it("passes", () => undefined);
  it("is skipped", function () {
    this.skip();
  });
});
