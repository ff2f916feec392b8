// Tests that print TAP, one after the other.

let count = 0
let failed = 0

// Passes unless `body` throws.
export async function test(name, body) {
  count++
  try {
    await body()
    console.log(`ok ${count} - ${name}`)
  } catch (error) {
    failed++
    console.log(`not ok ${count} - ${name}`)
    console.log(`# ${String(error.stack ?? error).replaceAll('\n', '\n# ')}`)
  }
}

export function skip(name, why) {
  count++
  console.log(`ok ${count} - ${name} # SKIP ${why}`)
}

export function must(condition, text) {
  if (!condition) throw new Error(text)
}

// The plan, and the status with which the program ends.
export function finish() {
  console.log(`1..${count}`)
  process.exitCode = failed === 0 ? 0 : 1
}
