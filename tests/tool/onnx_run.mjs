// Runs ONNX files in ONNX Runtime's package for Node.
//
//   node onnx_run.mjs JOBS
//
// JOBS is a JSON file: a list of {model, inputs: {name: {file, shape}}, output}. Files are of float32 numbers. Looks for
// onnxruntime-node in NODE_PATH and in node_modules of this folder and those above it; exit code 3: there is none.
import fs from "node:fs";
import {createRequire} from "node:module";
import path from "node:path";

let ort;
try {
  const require = createRequire(path.join(process.cwd(), "jobs.js"));
  ort = require("onnxruntime-node");
} catch (error) {
  process.exit(3);
}

for (const job of JSON.parse(fs.readFileSync(process.argv[2], "utf8"))) {
  const session = await ort.InferenceSession.create(job.model), feed = {};
  for (const [name, {file, shape}] of Object.entries(job.inputs)) {
    const numbers = new Float32Array(new Uint8Array(fs.readFileSync(file)).buffer);
    feed[name] = new ort.Tensor("float32", numbers, shape);
  }
  const {forecast} = await session.run(feed);
  fs.writeFileSync(job.output, Buffer.from(forecast.data.buffer, forecast.data.byteOffset, forecast.data.byteLength));
}
