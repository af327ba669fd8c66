import type { ClickKind } from '../../schemas/events/click.ts';
import type { Catalogue } from './catalogue.ts';
import type { Entry, Journal } from './journal.ts';
import type { ClickChannel, ShopOptions } from './options.ts';
import { type Random, WeightedChoice } from './random.ts';

const SITE = 'https://shop.example';
const PAGES = ['/', '/new', '/sale', '/women', '/men', '/home', '/gifts', '/help'] as const;

interface Way {
  readonly channel: ClickChannel;
  /** One bit of a visitor's arms; 0 where the channel has no holdout. */
  readonly armBit: number;
  readonly entries: readonly Entry[];
}

/** The ways in and the pages, as the JSON fields that clicks carry, and what the ways in cost. */
export class Entries {
  readonly checkoutText = `,"url":"${SITE}/checkout"`;
  readonly #ways: readonly Way[];
  readonly #choice: WeightedChoice;
  /** The channels without a holdout: they take the visits of those who are held out. */
  readonly #openWays: readonly Way[];
  readonly #openChoice: WeightedChoice;
  readonly #catalogue: Catalogue;
  readonly #productTexts: readonly string[];
  readonly #pageTexts: readonly string[];
  readonly #paid: { readonly channel: ClickChannel; readonly campaign: string; clicks: number }[] =
    [];

  constructor(options: ShopOptions, catalogue: Catalogue, journal: Journal) {
    let arm = 0;
    this.#ways = options.clickChannels.map((channel) => {
      const armBit = channel.holdout === undefined ? 0 : 1 << arm++;
      const campaigns = channel.campaigns.length === 0 ? [undefined] : channel.campaigns;
      return {
        channel,
        armBit,
        entries: campaigns.map((campaign) => this.#entryOf(channel, campaign, journal)),
      };
    });
    this.#choice = choiceOf(this.#ways);
    this.#openWays = this.#ways.filter(({ armBit }) => armBit === 0);
    this.#openChoice = choiceOf(this.#openWays);
    this.#catalogue = catalogue;
    this.#productTexts = catalogue.skus.map(({ id }) => `,"sku":"${id}","url":"${SITE}/p/${id}"`);
    this.#pageTexts = PAGES.map((page) => `,"url":"${SITE}${page}"`);
  }

  #entryOf(channel: ClickChannel, campaign: string | undefined, journal: Journal): Entry {
    const { name, costPerClickMinor } = channel;
    const isDirect = name === 'direct';
    const campaignQuery = campaign === undefined ? '' : `&utm_campaign=${campaign}`;
    const url = isDirect ? `${SITE}/` : `${SITE}/?utm_source=${name}${campaignQuery}`;
    let paidCampaign: number | undefined;
    if (campaign !== undefined && costPerClickMinor > 0) {
      paidCampaign = this.#paid.length;
      this.#paid.push({ channel, campaign, clicks: 0 });
    }
    return {
      channel: journal.channelIndex(name),
      paidCampaign,
      kindTexts: kindTextsOf(
        `,"channel":"${name}"${campaign === undefined ? '' : `,"campaign":"${campaign}"`}`,
      ),
      landingText: `,"url":"${url}"${isDirect ? '' : `,"referrer":"https://${name}.example/"`}`,
      landingKind: isDirect ? 'page_view' : 'click',
    };
  }

  /** The way in of one visit: by the weights, and never by a channel that holds the visitor out. */
  entryFor(treatedBits: number, random: Random): Entry {
    let way = this.#ways[this.#choice.pick(random.unit())];
    if (way !== undefined && (way.armBit & ~treatedBits) !== 0)
      way = this.#openWays[this.#openChoice.pick(random.unit())];
    return entryOfWay(way, random);
  }

  /** One advertisement of every channel with a holdout that treats the visitor: so whoever is treated is exposed. */
  impressionsFor(treatedBits: number, random: Random): readonly Entry[] {
    const shown: Entry[] = [];
    for (const way of this.#ways)
      if ((way.armBit & treatedBits) !== 0) shown.push(entryOfWay(way, random));
    return shown;
  }

  /** A way in of an advertised channel that does not hold the visitor out, for bots; else an open one. */
  paidEntryFor(isHeldOutOf: (channel: ClickChannel) => boolean, random: Random): Entry {
    const advertised = this.#ways.filter(({ channel }) => channel.costPerClickMinor > 0);
    const way = advertised[random.below(advertised.length)];
    if (way === undefined || isHeldOutOf(way.channel)) return this.openEntry(random);
    return entryOfWay(way, random);
  }

  /** A way in of a channel without a holdout. */
  openEntry(random: Random): Entry {
    return entryOfWay(this.#openWays[this.#openChoice.pick(random.unit())], random);
  }

  productText(sku: number): string {
    return this.#productTexts[sku] ?? '';
  }

  randomProductText(random: Random): string {
    return this.productText(this.#catalogue.pick(random));
  }

  pageText(random: Random): string {
    return this.#pageTexts[random.below(this.#pageTexts.length)] ?? '';
  }

  /** A written click of kind click costs what its campaign asks. */
  pay({ paidCampaign }: Entry): void {
    if (paidCampaign === undefined) return;
    const paid = this.#paid[paidCampaign];
    if (paid !== undefined) paid.clicks += 1;
  }

  /** Removes and returns what every campaign has cost since the last call. */
  takeSpend(): {
    readonly channelName: string;
    readonly campaign: string;
    readonly amountMinor: number;
  }[] {
    return this.#paid.map((paid) => {
      const amountMinor = paid.clicks * paid.channel.costPerClickMinor;
      paid.clicks = 0;
      return { channelName: paid.channel.name, campaign: paid.campaign, amountMinor };
    });
  }
}

function kindTextsOf(channelText: string): Record<ClickKind, string> {
  return {
    impression: `,"kind":"impression"${channelText}`,
    click: `,"kind":"click"${channelText}`,
    page_view: `,"kind":"page_view"${channelText}`,
    product_view: `,"kind":"product_view"${channelText}`,
    add_to_cart: `,"kind":"add_to_cart"${channelText}`,
    checkout: `,"kind":"checkout"${channelText}`,
    beacon: `,"kind":"beacon"${channelText}`,
  };
}

function choiceOf(ways: readonly Way[]): WeightedChoice {
  return new WeightedChoice(ways.map(({ channel }) => channel.weight));
}

function entryOfWay(way: Way | undefined, random: Random): Entry {
  const entry = way?.entries[way.entries.length === 1 ? 0 : random.below(way.entries.length)];
  if (entry === undefined) throw new RangeError('no way into the shop');
  return entry;
}
