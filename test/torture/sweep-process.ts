/** One process's share of the sweep. */
import { answerOrder } from './answer-order.ts';
import { type SweepShare, type Swept, sweep } from './sweep.ts';

answerOrder<SweepShare, Swept>(sweep);
