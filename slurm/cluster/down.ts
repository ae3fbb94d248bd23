/** `npm run slurm:down -- --name dev` or `--all`: ends clusters, with every process and mount of theirs. */
import { parseArgs } from 'node:util';
import { clusterNames } from './cluster-state.ts';
import { findCluster } from './find-cluster.ts';

const { values } = parseArgs({
  options: { name: { type: 'string', default: 'dev' }, all: { type: 'boolean', default: false } },
});
for (const name of values.all ? clusterNames() : [values.name]) {
  const cluster = findCluster(name);
  if (cluster === null) {
    console.error(`There is no cluster named ${name}: ${clusterNames().join(', ') || 'none is running'}.`);
    process.exitCode = 1;
  } else {
    await cluster.stop();
    console.log(`the cluster ${name} is down`);
  }
}
