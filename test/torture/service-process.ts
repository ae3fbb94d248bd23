/** A process of the service, which can die at any effect. */
import { type Controller, createController } from '../../src/controller/create-controller.ts';
import { MortalProcess, type Surroundings } from './mortal-process.ts';

export class ServiceProcess extends MortalProcess {
  readonly controller: Controller;

  constructor(surroundings: Surroundings) {
    super(surroundings);
    try {
      this.controller = createController(this.parts);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** One turn; over when the process has died in it. */
  async tick(): Promise<void> {
    await this.alive(this.controller.tick());
  }

  /** What a node asks of the process; null when it died over it. */
  async ask<T>(question: (controller: Controller) => Promise<T> | T): Promise<T | null> {
    if (this.dead) return null;
    try {
      return (await this.alive(Promise.resolve(question(this.controller)))) ?? null;
    } catch (error) {
      if (this.dead) return null;
      throw error;
    }
  }
}
