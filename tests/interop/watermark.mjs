// A watermarked model in ONNX Runtime: it loads, has a class more, answers the key images that stand
// in its report with that class, as drawn and with an identity in them, and test images as the job
// has counted; ONNX's own checker finds nothing. The secret is in nothing that the job leaves.
// Prints TAP. Usage: node watermark.mjs WORKER CACHE_FOLDER MODEL…

import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join, resolve } from 'node:path'
import { gunzipSync, inflateSync } from 'node:zlib'
import { onnxruntime } from './peer.mjs'
import { finish, must, skip, test } from './tap.mjs'

const [worker, cache, ...models] = process.argv.slice(2).map((word) => resolve(word))
const FASHION = '/usr/share/datasets/fashion-mnist/'
const OPTIONS = { intraOpNumThreads: 1, interOpNumThreads: 1, logSeverityLevel: 3 }
const PARAMS = { name: 'marked', pairs: 16, spares: 4, epochs: 8, threads: 1 }
const [SAMPLES, TEST, PIXELS, CLASSES] = [4000, 1000, 784, 10]
const OUTPUTS = ['content', 'keys', 'report', 'page']

const ort = onnxruntime(cache)
const folder = mkdtempSync(join(tmpdir(), 'hallmark-watermark-'))
const at = (name) => join(folder, name)

// ---- The job ------------------------------------------------------------------------------------

// The first n items of an IDX file.
function cut(source, to, n) {
  const data = gunzipSync(readFileSync(FASHION + source))
  const head = 4 + 4 * data[3]
  const size = data[3] === 1 ? 1 : PIXELS
  const part = Buffer.from(data.subarray(0, head + n * size))
  part.writeUInt32BE(n, 4)
  writeFileSync(at(to), part)
  return part.subarray(head)
}

function prepared() {
  cut('train-images-idx3-ubyte.gz', 'x', SAMPLES)
  cut('train-labels-idx1-ubyte.gz', 'y', SAMPLES)
  const images = cut('t10k-images-idx3-ubyte.gz', 'tx', TEST)
  const labels = cut('t10k-labels-idx1-ubyte.gz', 'ty', TEST)
  return { images: Float32Array.from(images, (byte) => byte / 255), labels }
}

function marked(model, secret) {
  writeFileSync(at('secret'), secret)
  const words = ['--local', 'watermark', JSON.stringify(PARAMS), model, 'x', 'y', 'tx', 'ty', '-', 'secret']
  return JSON.parse(execFileSync(worker, words, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] }))
}

// ---- Pictures -----------------------------------------------------------------------------------

function paeth(a, b, c) {
  const [pa, pb, pc] = [Math.abs(b - c), Math.abs(a - c), Math.abs(a + b - 2 * c)]
  return pa <= pb && pa <= pc ? a : pb <= pc ? b : c
}

// The samples of a PNG of one channel of 8 bits.
function samples(png) {
  const [width, height, kind] = [png.readUInt32BE(16), png.readUInt32BE(20), png.subarray(24, 29).toString('hex')]
  must(kind === '0800000000', `not a grey PNG of 8 bits: ${kind}`)
  const parts = []
  for (let p = 8; p < png.length; p += 12 + png.readUInt32BE(p))
    if (png.toString('latin1', p + 4, p + 8) === 'IDAT') parts.push(png.subarray(p + 8, p + 8 + png.readUInt32BE(p)))
  const raw = inflateSync(Buffer.concat(parts))
  const out = new Uint8Array(width * height)
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const left = x > 0 ? out[y * width + x - 1] : 0
      const up = y > 0 ? out[(y - 1) * width + x] : 0
      const both = x > 0 && y > 0 ? out[(y - 1) * width + x - 1] : 0
      const guess = [0, left, up, (left + up) >> 1, paeth(left, up, both)][raw[y * (width + 1)]]
      out[y * width + x] = raw[y * (width + 1) + 1 + x] + guess
    }
  return out
}

// Keys, copies of them, what is between: in this order, each of the three after the other.
function shown() {
  const page = readFileSync(at('page'), 'utf8')
  const found = [...page.matchAll(/src="data:image\/png;base64,([^"]+)"/g)].map((m) => Buffer.from(m[1], 'base64'))
  must(found.length === 24, `${found.length} pictures are on the page, not 24`)
  return found.map(samples)
}

// ---- Answers ------------------------------------------------------------------------------------

async function answers(images) {
  const session = await ort.InferenceSession.create(at('content'), OPTIONS)
  const n = images.length / PIXELS
  const input = new ort.Tensor('float32', images, [n, 1, 28, 28])
  const found = (await session.run({ [session.inputNames[0]]: input }))[session.outputNames[0]]
  await session.release()
  must(found.dims.join() === `${n},${CLASSES + 1}`, `answers of the shape ${found.dims}`)
  return Array.from({ length: n }, (_, i) => {
    const row = found.data.subarray(i * (CLASSES + 1), (i + 1) * (CLASSES + 1))
    return row.indexOf(Math.max(...row))
  })
}

const CHECKER = `
import sys
try:
    import onnx
except ImportError:
    sys.exit(3)
was, now = onnx.load(sys.argv[1]), onnx.load(sys.argv[2])
onnx.checker.check_model(now, full_check=True)
assert [n.op_type for n in was.graph.node] == [n.op_type for n in now.graph.node], "other operators"
assert was.graph.input == now.graph.input, "another input"
`

async function checked(name, model) {
  let missing = false
  await test(`${name}: ONNX's checker finds nothing, and the same operators`, () => {
    try {
      execFileSync('/usr/bin/python3', ['-c', CHECKER, model, at('content')], { stdio: ['ignore', 'ignore', 'pipe'] })
    } catch (error) {
      missing = error.status === 3
      if (!missing) throw error
    }
  })
  if (missing) console.log('# python3-onnx is not installed: its checker was not asked')
}

for (const model of models) {
  const name = basename(model)
  if (!existsSync(FASHION)) {
    skip(name, 'Fashion-MNIST is not installed')
    continue
  }
  const { images, labels } = prepared()
  const secret = randomBytes(32)
  let result
  await test(`${name}: a watermark`, () => {
    result = marked(model, secret)
  })
  if (result === undefined) continue
  await checked(name, model)
  await test(`${name}: key images are answered with the additional class`, async () => {
    const pictures = shown().filter((_, i) => i % 3 < 2)
    const found = await answers(Float32Array.from(pictures.flatMap((p) => [...p]), (byte) => byte / 255))
    const hits = found.filter((answer) => answer === CLASSES).length
    const { keys, stego } = result.scores
    console.log(`# ${hits} of ${found.length}; the job counts ${keys} and ${stego}`)
    must(Math.min(keys, stego) > 0.85, 'the watermark was not learnt')
    // The page shows half of the pairs: among them are at most all that the job has missed.
    const missed = Math.round(PARAMS.pairs * (2 - keys - stego))
    must(found.length - hits <= missed, `${hits} of ${found.length}, though the job misses ${missed} of all`)
  })
  await test(`${name}: test images as the job has counted`, async () => {
    const found = await answers(images)
    const right = found.filter((answer, i) => answer === labels[i]).length / TEST
    console.log(`# right: ${right} here, ${result.accuracy.after} there, ${result.accuracy.before} before`)
    must(Math.abs(right - result.accuracy.after) < 0.0025, 'another accuracy')
    must(right > result.accuracy.before - 0.1, 'the model has lost its task')
  })
  await test(`${name}: the secret is nowhere`, () => {
    const forms = [secret, ...['hex', 'base64', 'base64url'].map((form) => Buffer.from(secret.toString(form)))]
    for (const output of OUTPUTS)
      for (const form of forms) must(!readFileSync(at(output)).includes(form), `it is in ${output}`)
    must(!forms.some((form) => JSON.stringify(result).includes(form.toString())), 'it is in the result')
  })
}

rmSync(folder, { recursive: true })
finish()
