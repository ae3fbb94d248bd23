/** The configuration of a development cluster: one node that claims more than the machine has, and starts jobs at once. */
export interface SlurmConfOptions {
  readonly name: string;
  readonly hostname: string;
  readonly slurmctldPort: number;
  readonly slurmdPort: number;
  readonly cpus: number;
  /** Of slurmdbd; null for a cluster without accounting. */
  readonly slurmdbdPort: number | null;
  readonly extraLines: readonly string[];
}

/** Where the cluster's own folder is seen by its daemons. */
export const directoryInside = '/var/lib/cluster';

export function slurmConf(options: SlurmConfOptions): string {
  const { name, hostname, slurmctldPort, slurmdPort, slurmdbdPort, cpus, extraLines } = options;
  return `${[
    `ClusterName=${name.replace(/[^a-z0-9_]/gi, '_')}`,
    `SlurmctldHost=${hostname}(127.0.0.1)`,
    `SlurmctldPort=${slurmctldPort}`,
    `SlurmdPort=${slurmdPort}`,
    'SlurmUser=slurm',
    'AuthType=auth/slurm',
    'CredType=auth/slurm',
    'AuthAltTypes=auth/jwt',
    'AuthAltParameters=jwt_key=/etc/slurm/jwt_hs256.key',
    'CommunicationParameters=NoInAddrAny,NoCtldInAddrAny',
    `StateSaveLocation=${directoryInside}/state`,
    `SlurmdSpoolDir=${directoryInside}/spool`,
    'SlurmctldPidFile=/run/slurmctld.pid',
    'SlurmdPidFile=/run/slurmd.pid',
    'ProctrackType=proctrack/linuxproc',
    'TaskPlugin=task/none',
    ...(slurmdbdPort === null
      ? ['JobAcctGatherType=jobacct_gather/none']
      : [
          'AccountingStorageType=accounting_storage/slurmdbd',
          'AccountingStorageHost=127.0.0.1',
          `AccountingStoragePort=${slurmdbdPort}`,
          'JobAcctGatherType=jobacct_gather/linux',
          'JobAcctGatherFrequency=task=1',
        ]),
    'MpiDefault=none',
    'SelectType=select/cons_tres',
    'SelectTypeParameters=CR_CPU_Memory',
    // Without these a start waits for the next scheduling cycle, for seconds.
    'SchedulerParameters=batch_sched_delay=0,sched_min_interval=0,bf_interval=5',
    // The node claims more than the machine has, so that hundreds of small jobs run at once.
    'SlurmdParameters=config_overrides',
    'ReturnToService=2',
    'KillWait=5',
    'MinJobAge=300',
    'MaxJobCount=50000',
    'GresTypes=gpu',
    `NodeName=node NodeHostname=${hostname} NodeAddr=127.0.0.1 CPUs=${cpus} RealMemory=1048576 Gres=gpu:4`,
    'PartitionName=ci Nodes=ALL Default=YES MaxTime=7-00:00:00 State=UP',
    'PartitionName=gpu Nodes=ALL MaxTime=1-00:00:00 State=UP',
    ...extraLines,
  ].join('\n')}\n`;
}

/** Of slurmdbd, which logs on stderr and finds its database on a socket, as the user that it runs as. */
export function slurmdbdConf({ hostname, port }: { hostname: string; port: number }): string {
  return `${[
    `DbdHost=${hostname}`,
    'DbdAddr=127.0.0.1',
    `DbdPort=${port}`,
    'SlurmUser=slurm',
    'AuthType=auth/slurm',
    'AuthAltTypes=auth/jwt',
    'AuthAltParameters=jwt_key=/etc/slurm/jwt_hs256.key',
    // As many sites have it.
    'PrivateData=jobs',
    'PidFile=/run/slurmdbd.pid',
    'StorageType=accounting_storage/mysql',
    'StorageHost=localhost',
    'StorageUser=slurm',
    'StorageLoc=slurm_acct_db',
  ].join('\n')}\n`;
}
