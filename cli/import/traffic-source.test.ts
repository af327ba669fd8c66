import { expect, test } from 'vitest';

import { campaignOf, channelOf, hostOf } from './traffic-source.ts';

const SITE_HOSTS = new Set(['shop.example']);

test.each([
  [undefined, 'direct'],
  ['http://shop.example/page', 'direct'],
  ['https://www.shop.example:8443/page', 'direct'],
  ['https://www.google.com/search?q=a', 'organic'],
  ['http://www.google.co.uk/', 'organic'],
  ['http://r.duckduckgo.com/l/?k=1', 'organic'],
  ['https://de.search.yahoo.com/', 'organic'],
  ['https://mail.google.com/', 'referral'],
  ['http://google.evil-shop.example.net.google/', 'referral'],
  ['http://stackoverflow.com/questions/1', 'referral'],
  ['android-app://com.slack/', 'direct'],
])('a request that came from %s is %s', (referrer, channel) => {
  expect(channelOf({ target: '/a', referrer, siteHosts: SITE_HOSTS })).toBe(channel);
});

test.each([
  ['/a?utm_medium=cpc', 'paid_search'],
  ['/a?x=1&utm_medium=Email&utm_source=b', 'email'],
  ['/a?utm_medium=feed', 'feed'],
  ['/a?utm_medium=invented-by-a-scanner', 'other'],
  ['/a?utm_medium=', 'referral'],
  ['/a?not_utm_medium=cpc', 'referral'],
])('the campaign medium of %s makes it %s, whatever the referrer', (target, channel) => {
  expect(channelOf({ target, referrer: 'http://blog.example/', siteHosts: SITE_HOSTS })).toBe(
    channel,
  );
});

test.each([
  ['/a?utm_campaign=Spring+sale%21', 'Spring sale!'],
  ['/a?utm_campaign=100%', '100%'],
  ['/a?utm_campaign=', undefined],
  ['/a', undefined],
  [`/a?utm_campaign=${'x'.repeat(65)}`, undefined],
])('the campaign of %s is %s', (target, campaign) => {
  expect(campaignOf(target)).toBe(campaign);
});

test.each([
  ['HTTP://WWW.Example.COM/a', 'example.com'],
  ['https://example.com', 'example.com'],
  ['https://example.com?x', 'example.com'],
  ['ftp://example.com/', undefined],
  ['example.com/a', undefined],
  ['http://', undefined],
])('the host of %s is %s', (address, host) => {
  expect(hostOf(address)).toBe(host);
});
