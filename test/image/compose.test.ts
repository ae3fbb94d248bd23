/** docker-compose.yml and all that it names fit together. That it runs is shown by compose.real.test.ts. */
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/config/load-config.ts';
import { root } from './podman.ts';
import { type ComposeService, readCompose } from './read-compose.ts';

const compose = readCompose();
const services = Object.entries(compose.services);
const read = (path: string): string => readFileSync(join(root, path), 'utf8');

function serviceOf(name: string): ComposeService {
  const service = compose.services[name];
  if (service === undefined) throw new Error(`docker-compose.yml has no service ${name}`);
  return service;
}

/** `--name=value` of a command. */
function option(service: ComposeService, name: string): string {
  return (
    service.command.find((part) => part.startsWith(`--${name}=`))?.slice(name.length + 3) ?? `no --${name}`
  );
}

const slurm = serviceOf('slurm');
const github = serviceOf('github');
const service = serviceOf('gha-slurm');
const { config, secrets } = loadConfig(join(root, 'docker/config.yaml'), service.environment);
const [tokenPlace = '', tokenOwner] = option(slurm, 'token-file').split(':');

describe.each(services)('the service %s', (_name, { build, command, depends_on, volumes }) => {
  it('is built from a stage of a Dockerfile that is there', () => {
    expect(statSync(join(root, build.context)).isDirectory()).toBe(true);
    const stages = [...read(join(build.context, build.dockerfile)).matchAll(/^FROM \S+(?: AS (\S+))?$/gm)];
    if (build.target !== undefined) expect(stages.map(([, name]) => name)).toContain(build.target);
    else expect(stages.at(-1)?.[1], 'the last stage is the service').toBeUndefined();
  });

  it('mounts files that are there, and volumes that are declared', () => {
    for (const { from, isBind } of volumes) {
      if (isBind) expect(statSync(join(root, from)).isFile(), from).toBe(true);
      else expect(Object.keys(compose.volumes)).toContain(from);
    }
  });

  it('waits for services that are there, and that say what is waited for', () => {
    for (const [name, { condition }] of Object.entries(depends_on)) {
      if (condition === 'service_healthy') expect(serviceOf(name).healthcheck, name).toBeDefined();
      else expect(serviceOf(name).restart, name).toBe('no');
    }
  });

  it('has a command that is there, with options that it knows', () => {
    const [first = '', file = ''] = command;
    if (first !== 'node') {
      expect(build.target).toBeUndefined();
      expect(read('src/cli/program.ts')).toContain(`.command('${first}')`);
      return;
    }
    const parsed = /parseArgs\(\{.*?\n\s*\}\);/s.exec(read(file))?.[0] ?? '';
    for (const part of command.slice(2)) {
      const [, name = ''] = /^--([\w-]+)/.exec(part) ?? [];
      expect(parsed).toMatch(new RegExp(`^\\s+'?${name}'?: \\{ type: '`, 'm'));
    }
  });
});

describe('docker-compose.yml', () => {
  it('uses every volume that it declares', () => {
    const used = services.flatMap(([, { volumes }]) => volumes.map(({ from }) => from));
    for (const name of Object.keys(compose.volumes)) expect(used).toContain(name);
  });

  it('confines everything but the cluster, which has to mount', () => {
    for (const [name, confined] of services.filter(([name]) => name !== 'slurm')) {
      expect(confined, name).toMatchObject({
        read_only: true,
        cap_drop: ['ALL'],
        security_opt: ['no-new-privileges:true'],
      });
      expect(confined.privileged, name).toBeUndefined();
      expect(confined.volumes.filter(({ from, readOnly }) => !readOnly && from !== 'data')).toEqual([]);
    }
  });

  it('has migrate and serve share all but the command', () => {
    const migrate = serviceOf('migrate');
    expect([migrate.command, service.command]).toEqual([['migrate'], ['serve']]);
    expect(migrate).toMatchObject({
      image: service.image,
      environment: service.environment,
      volumes: service.volumes,
    });
    expect(service.depends_on['migrate']).toEqual({ condition: 'service_completed_successfully' });
  });

  it('gives the service more time to stop than it takes', () => {
    expect(Number.parseInt(service.stop_grace_period, 10)).toBeGreaterThan(5);
  });

  it('hands the token of Slurm to the user of the image, where the configuration looks for it', () => {
    expect(secrets.slurmToken).toEqual({ file: tokenPlace });
    expect(read('Dockerfile')).toContain(`USER ${tokenOwner}:${tokenOwner}`);
    const [shared] = slurm.volumes.filter(({ to }) => tokenPlace.startsWith(`${to}/`));
    expect(service.volumes).toContainEqual({ ...shared, readOnly: true });
    expect(slurm.healthcheck?.test.at(-1)).toBe(tokenPlace);
  });
});

describe('docker/config.yaml', () => {
  it('is where the service looks for it', () => {
    const [, place = ''] = /GHA_SLURM_CONFIG=(\S+)/.exec(read('Dockerfile')) ?? [];
    expect(service.volumes).toContainEqual({
      from: './docker/config.yaml',
      to: place,
      readOnly: true,
      isBind: true,
    });
  });

  it('names the services of docker-compose.yml and the ports that they listen on', () => {
    const { listen, admin } = config.server;
    expect(config.runner.callbackUrl).toBe(`http://gha-slurm:${listen.port}`);
    expect(service.healthcheck?.test.join(' ')).toContain(`http://127.0.0.1:${listen.port}/healthz`);
    expect(service.ports).toEqual([`127.0.0.1:${admin.port}:${admin.port}`]);
    expect(config.slurm.urls).toEqual([`http://slurm:${option(slurm, 'listen').split(':')[1]}`]);
    expect(config.github.apiUrl).toBe(option(github, 'public-url'));
    expect(new URL(config.github.apiUrl).host).toBe(`github:${option(github, 'port')}`);
    expect(config.github.repositories).toEqual([option(github, 'repository')]);
  });

  it('has the token that the simulated GitHub takes', () => {
    const { from = '' } = github.volumes.find(({ to }) => to === option(github, 'token-file')) ?? {};
    expect(secrets.githubToken).toBe(read(from).trim());
  });

  it('keeps the database on the volume of the image', () => {
    const [, volume = ''] = /^VOLUME (\S+)$/m.exec(read('Dockerfile')) ?? [];
    expect(config.database.path.startsWith(`${volume}/`)).toBe(true);
    expect(service.volumes).toContainEqual({ from: 'data', to: volume, readOnly: false, isBind: false });
  });

  it('starts the runner where the nodes have it', () => {
    const [from = '', to = ''] = option(slurm, 'bind').split(':');
    expect(config.runner.launcher.command).toBe(`${to}/run.sh`);
    expect(statSync(join(root, from.replace(/^\/app\//, ''), 'run.sh')).mode & 0o111).not.toBe(0);
  });
});
