describe("a file with a failure", () => {
  it("fails", () => {
    throw new Error("12 passing");
  });
});
