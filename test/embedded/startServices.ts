// Starts the services on a data folder, prints their process ids, and stays, as `npm start` does, so that a test can
// kill it. Arguments: the data folder, then NAME=value for the environment.
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
