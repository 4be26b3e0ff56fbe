// The four jobs in JavaScript: one job a process. ../README.md says what each job is.

// However short a job is, more figures tell no more.
const MAX_RUNS = 99;

// The tasks that ran, were cancelled, or have an error that was collected.
const jobResult = (job, tasks) => (job === "first-error" ? tasks - 1 : tasks);

const now = () => Number(process.hrtime.bigint());

async function main(way, job, ...numbers) {
  const { jobs } = await import(`./by_${way}.mjs`);
  const [tasks, warmUp, span] = numbers.map(Number);
  const run = jobs[job];

  let start = now();
  while (now() - start < warmUp * 1e6) {
    await run(Math.max(Math.floor(tasks / 10), 1));
  }
  const ns = [];
  start = now();
  while (ns.length === 0 || (now() - start < span * 1e6 && ns.length < MAX_RUNS)) {
    const one = now();
    const result = await run(tasks);
    ns.push((now() - one) / tasks);
    if (result !== jobResult(job, tasks)) {
      throw new Error(`${way} does not do ${job} as it should: ${result}`);
    }
  }
  console.log(JSON.stringify({ way, job, tasks, ns }));
}

await main(...process.argv.slice(2));
