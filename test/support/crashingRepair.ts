/**
 * `npm run indexer -- repair` in a process of its own, configured by its environment, that kills itself (SIGKILL) once
 * it has changed the index for the nth time. Argument: n.
 */
import mongoose from "mongoose";
import { runCommand } from "../../indexer/commands/run";

let left = Number(process.argv[2]);

function changed(documents: number): void {
  if (documents === 0) return;
  left -= 1;
  if (left === 0) process.kill(process.pid, "SIGKILL");
}

const { bulkWrite, deleteMany } = mongoose.mongo.Collection.prototype;
mongoose.mongo.Collection.prototype.bulkWrite = async function (...args) {
  const result = await bulkWrite.apply(this, args);
  changed(result.insertedCount + result.upsertedCount + result.modifiedCount);
  return result;
};
mongoose.mongo.Collection.prototype.deleteMany = async function (...args) {
  const result = await deleteMany.apply(this, args);
  changed(result.deletedCount);
  return result;
};

void runCommand({ name: "repair" }).then((code) => (process.exitCode = code));
