import { expect } from "chai";
import { hashLeaf, pathOf, rootByPath, rootOf } from "../../../../api/audit/uses/merkleTree";
import { digestOf, hashUse, type UseLeaf } from "../../../../api/audit/uses/useLeaf";
import { sha256 } from "../../../../core/hash";

/** The leaves of Certificate Transparency's reference test, and the root of the first so many. */
const REFERENCE = [
  ["", "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"],
  ["00", "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"],
  ["10", "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77"],
  ["2021", "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"],
  ["3031", "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4"],
  ["40414243", "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef"],
  ["5051525354555657", "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c"],
  ["606162636465666768696a6b6c6d6e6f", "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"],
] as const;

const leaves = (size: number) => Array.from({ length: size }, (_, index) => hashLeaf(Buffer.from(`leaf ${index}`)));

describe("the Merkle tree of uses", () => {
  it("has the roots of the reference implementation of RFC 6962", () => {
    const hashes = REFERENCE.map(([data]) => hashLeaf(Buffer.from(data, "hex")));
    REFERENCE.forEach(([, root], index) => {
      expect(rootOf(hashes.slice(0, index + 1)).toString("hex"), `${index + 1} leaves`).to.equal(root);
    });
  });

  it("leads every leaf of every size to the root", () => {
    for (let size = 1; size <= 70; size += 1) {
      const hashes = leaves(size);
      const root = rootOf(hashes);
      hashes.forEach((leaf, index) => {
        const place = { index, size, path: pathOf(hashes, index) };
        expect(rootByPath(leaf, place).equals(root), `${index} of ${size}`).to.equal(true);
      });
    }
  });

  it("leads no other leaf, index or path there", () => {
    for (let size = 2; size <= 17; size += 1) {
      const hashes = leaves(size);
      const root = rootOf(hashes);
      for (let index = 0; index < size; index += 1) {
        const path = pathOf(hashes, index);
        const leaf = hashes[index]!;
        const other = hashes[(index + 1) % size]!;
        expect(rootByPath(other, { index, size, path }).equals(root)).to.equal(false);
        path.forEach((_, at) => {
          const altered = path.map((sibling, place) => (place === at ? sha256(sibling) : sibling));
          expect(rootByPath(leaf, { index, size, path: altered }).equals(root)).to.equal(false);
        });
        for (let moved = 0; moved < size; moved += 1) {
          if (moved === index) continue;
          // Where the other place's way is of another length, that is what is said.
          const isRoot = () => rootByPath(leaf, { index: moved, size, path }).equals(root);
          try {
            expect(isRoot(), `${index} at ${moved} of ${size}`).to.equal(false);
          } catch (error) {
            expect(String(error)).to.match(/way to the root/);
          }
        }
      }
    }
  });

  it("refuses paths that are too short or too long, and places outside the tree, by name", () => {
    const hashes = leaves(5);
    const path = pathOf(hashes, 1);
    const leaf = hashes[1]!;
    expect(() => rootByPath(leaf, { index: 1, size: 5, path: path.slice(1) })).to.throw("shorter than the way");
    expect(() => rootByPath(leaf, { index: 1, size: 5, path: [leaf, ...path] })).to.throw("longer than the way");
    for (const [index, size] of [
      [5, 5],
      [-1, 5],
      [0.5, 5],
      [0, 0],
      [0, 2 ** 53],
    ] as const) {
      expect(() => rootByPath(leaf, { index, size, path }), `${index} of ${size}`).to.throw("no leaf at that index");
    }
    expect(() => rootOf([])).to.throw("no root");
    expect(() => pathOf(hashes, 5)).to.throw("has no leaf 5");
  });

  it("takes no inner node for a leaf", () => {
    const [left, right] = leaves(2) as [Buffer, Buffer];
    expect(hashLeaf(Buffer.concat([left, right])).equals(rootOf([left, right]))).to.equal(false);
  });
});

describe("the leaf of a use", () => {
  const leaf: UseLeaf = {
    salt: `0x${"5a".repeat(32)}`,
    credId: `0x${"ab".repeat(20)}${"0".repeat(23)}7`,
    useNumber: 2,
    maxUsages: 3,
    usedAt: new Date("2026-01-02T03:04:05.678Z"),
  };

  it("is SHA-256 of a zero byte, salt, name, number, most uses and time", () => {
    const time = leaf.usedAt.getTime().toString(16).padStart(16, "0");
    const preimage = `00${leaf.salt.slice(2)}${leaf.credId.slice(2)}0000000200000003${time}`;
    expect(hashUse(leaf).equals(sha256(Buffer.from(preimage, "hex")))).to.equal(true);
  });

  it("changes with each of its parts", () => {
    const altered: UseLeaf[] = [
      leaf,
      { ...leaf, salt: `0x${"5b".repeat(32)}` },
      { ...leaf, credId: leaf.credId.replace(/7$/, "8") },
      { ...leaf, useNumber: 1 },
      { ...leaf, maxUsages: 4 },
      { ...leaf, usedAt: new Date(leaf.usedAt.getTime() + 1) },
    ];
    expect(new Set(altered.map((one) => hashUse(one).toString("hex"))).size).to.equal(altered.length);
  });

  it("refuses salts and names that could be shifted into each other", () => {
    expect(() => hashUse({ ...leaf, salt: `${leaf.salt}00` })).to.throw("32 bytes");
    expect(() => hashUse({ ...leaf, credId: "0x12" })).to.throw("32 bytes");
    expect(() => hashUse({ ...leaf, useNumber: 2 ** 32 })).to.throw(RangeError);
  });

  it("is anchored with the number of leaves, which nobody can change", () => {
    const root = rootOf(leaves(3));
    expect(digestOf(root, 3)).to.match(/^0x[0-9a-f]{64}$/);
    expect(digestOf(root, 4)).not.to.equal(digestOf(root, 3));
  });
});
