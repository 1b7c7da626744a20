// Starts the services on a data folder, tells their processes on standard output, and stays: a stand-in for `npm start`
// that a test can kill. Arguments: the data folder, then NAME=value for the environment.
import { startServices } from "../../embedded/services";

const [dataDir = "", ...settings] = process.argv.slice(2);
const env: NodeJS.ProcessEnv = { ...process.env };
for (const setting of settings) {
  const [name = "", value] = setting.split(/=(.*)/s);
  env[name] = value;
}

startServices({ dataDir, env })
  .then(({ byName, redisUrl, rpcUrl, mongodbUri }) => {
    const pids = Object.values(byName).flatMap((service) => service.pid() ?? []);
    process.stdout.write(`${JSON.stringify({ pids, redisUrl, rpcUrl, mongodbUri })}\n`);
    setInterval(() => undefined, 1_000);
  })
  .catch((error: unknown) => {
    process.stderr.write(`${String(error)}\n`);
    process.exit(1);
  });
