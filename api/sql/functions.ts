/**
 * Functions that compute a value from their arguments and do nothing else. Left out is whatever reads a
 * file, a table, a dictionary, a setting or the network, waits, or shows the machine; and whatever this
 * data has no use for, because ClickHouse runs inside Weir's process, so that a defect in a rarely used
 * function would take all of Weir with it. New functions of a later ClickHouse are refused until they
 * have been looked at.
 */
const ORDINARY = [
  // Comparison and logic.
  `and assumeNotNull caseWithExpression clamp coalesce equals exists firstNonDefault globalIn
  globalNotIn greater greaterOrEquals greatest grouping if ifNull in isDistinctFrom
  isNotDistinctFrom isNotNull isNull isNullable isZeroOrNull least less lessOrEquals multiIf not
  notEquals notIn notNullIn nullIf nullIn or toNullable transform xor`,
  // Arithmetic, rounding, mathematics.
  `abs acos acosh asin asinh atan atan2 atanh avg2 bitAnd bitCount bitHammingDistance bitNot
  bitOr bitRotateLeft bitRotateRight bitShiftLeft bitShiftRight bitSlice bitTest bitTestAll
  bitTestAny bitXor byteSwap cbrt ceil cos cosh countDigits degrees divide divideDecimal
  divideOrNull e erf erfc exp exp10 exp2 factorial floor gcd hypot ifNotFinite intDiv
  intDivOrNull intDivOrZero intExp10 intExp2 isDecimalOverflow isFinite isInfinite isNaN isPrime
  isProbablePrime lcm lgamma log log10 log1p log2 max2 midpoint min2 minus modulo moduloLegacy
  moduloOrNull moduloOrZero multiply multiplyDecimal negate pi plus positiveModulo
  positiveModuloOrNull pow proportionsZTest radians round roundAge roundBankers roundDown
  roundDuration roundToExp2 sigmoid sign sin sinh sqr sqrt tan tanh tgamma trunc widthBucket`,
  // Dates and times.
  `addDate addDays addHours addInterval addMicroseconds addMilliseconds addMinutes addMonths
  addNanoseconds addQuarters addSeconds addTupleOfIntervals addWeeks addYears age changeDay
  changeHour changeMinute changeMonth changeSecond changeYear dateDiff dateName dateTrunc
  formatDateTime formatDateTimeInJodaSyntax fromDaysSinceYearZero fromDaysSinceYearZero32
  fromModifiedJulianDay fromModifiedJulianDayOrNull fromUnixTimestamp
  fromUnixTimestampInJodaSyntax fromUTCTimestamp hop hopEnd hopStart localtime makeDate
  makeDate32 makeDateTime makeDateTime64 monthName now now64 nowInBlock nowInBlock64
  serverTimezone subDate subtractDays subtractHours subtractInterval subtractMicroseconds
  subtractMilliseconds subtractMinutes subtractMonths subtractNanoseconds subtractQuarters
  subtractSeconds subtractTupleOfIntervals subtractWeeks subtractYears timeDiff timeSlot
  timeSlots timestamp timezone timezoneOf timezoneOffset today toDayOfMonth toDayOfWeek
  toDayOfYear toDaysInMonth toDaysSinceYearZero toHour toISOWeek toISOYear toLastDayOfMonth
  toLastDayOfWeek toMicrosecond toMillisecond toMinute toModifiedJulianDay
  toModifiedJulianDayOrNull toMonday toMonth toMonthNumSinceEpoch toNanosecond toQuarter
  toRelativeDayNum toRelativeHourNum toRelativeMinuteNum toRelativeMonthNum toRelativeQuarterNum
  toRelativeSecondNum toRelativeWeekNum toRelativeYearNum toSecond toStartOfDay
  toStartOfFifteenMinutes toStartOfFiveMinutes toStartOfHour toStartOfInterval toStartOfISOYear
  toStartOfMicrosecond toStartOfMillisecond toStartOfMinute toStartOfMonth toStartOfNanosecond
  toStartOfQuarter toStartOfSecond toStartOfTenMinutes toStartOfWeek toStartOfYear
  toTimeWithFixedDate toTimezone toUnixTimestamp toUTCTimestamp toWeek toYear
  toYearNumSinceEpoch toYearWeek toYYYYMM toYYYYMMDD toYYYYMMDDhhmmss tumble tumbleEnd
  tumbleStart UTCTimestamp windowID yesterday YYYYMMDDhhmmssToDateTime
  YYYYMMDDhhmmssToDateTime64 YYYYMMDDToDate YYYYMMDDToDate32`,
  // Conversion.
  `_CAST accurateCast accurateCastOrDefault accurateCastOrNull CAST DATE fromUnixTimestamp64Micro
  fromUnixTimestamp64Milli fromUnixTimestamp64Nano fromUnixTimestamp64Second parseDateTime
  parseDateTime32BestEffort parseDateTime32BestEffortOrNull parseDateTime32BestEffortOrZero
  parseDateTime64 parseDateTime64BestEffort parseDateTime64BestEffortOrNull
  parseDateTime64BestEffortOrZero parseDateTime64BestEffortUS parseDateTime64BestEffortUSOrNull
  parseDateTime64BestEffortUSOrZero parseDateTime64InJodaSyntax
  parseDateTime64InJodaSyntaxOrNull parseDateTime64InJodaSyntaxOrZero parseDateTime64OrNull
  parseDateTime64OrZero parseDateTimeBestEffort parseDateTimeBestEffortOrNull
  parseDateTimeBestEffortOrZero parseDateTimeBestEffortUS parseDateTimeBestEffortUSOrNull
  parseDateTimeBestEffortUSOrZero parseDateTimeInJodaSyntax parseDateTimeInJodaSyntaxOrNull
  parseDateTimeInJodaSyntaxOrZero parseDateTimeOrNull parseDateTimeOrZero reinterpret
  reinterpretAsDate reinterpretAsDateTime reinterpretAsFixedString reinterpretAsFloat32
  reinterpretAsFloat64 reinterpretAsInt128 reinterpretAsInt16 reinterpretAsInt256
  reinterpretAsInt32 reinterpretAsInt64 reinterpretAsInt8 reinterpretAsString
  reinterpretAsUInt128 reinterpretAsUInt16 reinterpretAsUInt256 reinterpretAsUInt32
  reinterpretAsUInt64 reinterpretAsUInt8 reinterpretAsUUID toBFloat16 toBFloat16OrNull
  toBFloat16OrZero toBool toDate toDate32 toDate32OrDefault toDate32OrNull toDate32OrZero
  toDateOrDefault toDateOrNull toDateOrZero toDateTime toDateTime32 toDateTime64
  toDateTime64OrDefault toDateTime64OrNull toDateTime64OrZero toDateTimeOrDefault
  toDateTimeOrNull toDateTimeOrZero toDecimal128 toDecimal128OrDefault toDecimal128OrNull
  toDecimal128OrZero toDecimal256 toDecimal256OrDefault toDecimal256OrNull toDecimal256OrZero
  toDecimal32 toDecimal32OrDefault toDecimal32OrNull toDecimal32OrZero toDecimal64
  toDecimal64OrDefault toDecimal64OrNull toDecimal64OrZero toDecimalString toFixedString
  toFloat32 toFloat32OrDefault toFloat32OrNull toFloat32OrZero toFloat64 toFloat64OrDefault
  toFloat64OrNull toFloat64OrZero toInt128 toInt128OrDefault toInt128OrNull toInt128OrZero
  toInt16 toInt16OrDefault toInt16OrNull toInt16OrZero toInt256 toInt256OrDefault toInt256OrNull
  toInt256OrZero toInt32 toInt32OrDefault toInt32OrNull toInt32OrZero toInt64 toInt64OrDefault
  toInt64OrNull toInt64OrZero toInt8 toInt8OrDefault toInt8OrNull toInt8OrZero toInterval
  toIntervalDay toIntervalHour toIntervalMicrosecond toIntervalMillisecond toIntervalMinute
  toIntervalMonth toIntervalNanosecond toIntervalQuarter toIntervalSecond toIntervalWeek
  toIntervalYear toLowCardinality toString toStringCutToZero toTime toTime64 toTime64OrNull
  toTime64OrZero toTimeOrNull toTimeOrZero toUInt128 toUInt128OrDefault toUInt128OrNull
  toUInt128OrZero toUInt16 toUInt16OrDefault toUInt16OrNull toUInt16OrZero toUInt256
  toUInt256OrDefault toUInt256OrNull toUInt256OrZero toUInt32 toUInt32OrDefault toUInt32OrNull
  toUInt32OrZero toUInt64 toUInt64OrDefault toUInt64OrNull toUInt64OrZero toUInt8
  toUInt8OrDefault toUInt8OrNull toUInt8OrZero toUnixTimestamp64Micro toUnixTimestamp64Milli
  toUnixTimestamp64Nano toUnixTimestamp64Second toUUID toUUIDOrZero`,
  // Texts.
  `alphaTokens appendTrailingCharIfAbsent arrayStringConcat ascii base32Decode base32Encode
  base58Decode base58Encode base64Decode base64Encode base64URLDecode base64URLEncode basename
  byteHammingDistance caseFoldUTF8 compareSubstrings concat concatAssumeInjective
  concatWithSeparator concatWithSeparatorAssumeInjective conv countMatches
  countMatchesCaseInsensitive countSubstrings countSubstringsCaseInsensitive
  countSubstringsCaseInsensitiveUTF8 CRC32 CRC32IEEE CRC64 damerauLevenshteinDistance
  decodeHTMLComponent decodeXMLComponent editDistance editDistanceUTF8 encodeXMLComponent
  endsWith endsWithCaseInsensitive endsWithCaseInsensitiveUTF8 endsWithUTF8 extract extractAll
  extractAllGroupsHorizontal extractAllGroupsVertical extractGroups extractTextFromHTML
  firstLine format hasAllTokens hasAnyTokens hasPhrase hasSubsequence
  hasSubsequenceCaseInsensitive hasSubsequenceCaseInsensitiveUTF8 hasSubsequenceUTF8 hasToken
  hasTokenCaseInsensitive hasTokenCaseInsensitiveOrNull hasTokenOrNull ilike initcap initcapUTF8
  isValidASCII isValidUTF8 jaroSimilarity jaroWinklerSimilarity left leftPad leftPadUTF8
  leftUTF8 lengthUTF8 like locate lower lowerUTF8 match multiSearchAllPositions
  multiSearchAllPositionsCaseInsensitive multiSearchAllPositionsCaseInsensitiveUTF8
  multiSearchAllPositionsUTF8 multiSearchAny multiSearchAnyCaseInsensitive
  multiSearchAnyCaseInsensitiveUTF8 multiSearchAnyUTF8 multiSearchFirstIndex
  multiSearchFirstIndexCaseInsensitive multiSearchFirstIndexCaseInsensitiveUTF8
  multiSearchFirstIndexUTF8 multiSearchFirstPosition multiSearchFirstPositionCaseInsensitive
  multiSearchFirstPositionCaseInsensitiveUTF8 multiSearchFirstPositionUTF8 naturalSortKey
  ngramDistance ngramDistanceCaseInsensitive ngramDistanceCaseInsensitiveUTF8 ngramDistanceUTF8
  ngrams ngramSearch ngramSearchCaseInsensitive ngramSearchCaseInsensitiveUTF8 ngramSearchUTF8
  normalizeUTF8NFC normalizeUTF8NFD normalizeUTF8NFKC normalizeUTF8NFKCCasefold
  normalizeUTF8NFKD notILike notLike overlay overlayUTF8 position positionCaseInsensitive
  positionCaseInsensitiveUTF8 positionUTF8 printf regexpExtract regexpPosition regexpQuoteMeta
  removeDiacriticsUTF8 repeat replaceAll replaceOne replaceRegexpAll replaceRegexpOne
  reverseBySeparator reverseUTF8 right rightPad rightPadUTF8 rightUTF8 soundex space splitByChar
  splitByNonAlpha splitByRegexp splitByString splitByWhitespace startsWith
  startsWithCaseInsensitive startsWithCaseInsensitiveUTF8 startsWithUTF8 stringBytesEntropy
  stringBytesUniq stringJaccardIndex stringJaccardIndexUTF8 substring substringIndex
  substringIndexUTF8 substringUTF8 tokens tokensForLikePattern toValidUTF8 translate
  translateUTF8 trimBoth trimLeft trimRight tryBase32Decode tryBase58Decode tryBase64Decode
  tryBase64URLDecode upper upperUTF8`,
  // Arrays.
  `array arrayAll arrayAUCPR arrayAutocorrelation arrayAvg arrayBottomK arrayCompact arrayConcat
  arrayCount arrayCumSum arrayCumSumNonNegative arrayDifference arrayDistinct arrayDotProduct
  arrayElement arrayElementOrNull arrayEnumerate arrayEnumerateDense arrayEnumerateDenseRanked
  arrayEnumerateUniq arrayEnumerateUniqRanked arrayExcept arrayExists arrayFill arrayFilter
  arrayFirst arrayFirstIndex arrayFirstOrNull arrayFlatten arrayFold arrayIntersect
  arrayJaccardIndex arrayJoin arrayLast arrayLastIndex arrayLastOrNull arrayLevenshteinDistance
  arrayLevenshteinDistanceWeighted arrayMap arrayMax arrayMin arrayNormalizedGini
  arrayPartialReverseSort arrayPartialShuffle arrayPartialSort arrayPopBack arrayPopFront
  arrayProduct arrayPushBack arrayPushFront arrayRandomSample arrayReduce arrayReduceInRanges
  arrayRemove arrayResize arrayReverse arrayReverseFill arrayReverseSort arrayReverseSplit
  arrayROCAUC arrayRotateLeft arrayRotateRight arrayShiftLeft arrayShiftRight arrayShingles
  arrayShuffle arraySimilarity arraySlice arraySort arraySplit arraySum arraySymmetricDifference
  arrayTopK arrayTranspose arrayUnion arrayUniq arrayWithConstant arrayZip arrayZipUnaligned
  countEqual empty emptyArrayDate emptyArrayDateTime emptyArrayFloat32 emptyArrayFloat64
  emptyArrayInt16 emptyArrayInt32 emptyArrayInt64 emptyArrayInt8 emptyArrayString
  emptyArrayToSingle emptyArrayUInt16 emptyArrayUInt32 emptyArrayUInt64 emptyArrayUInt8 has
  hasAll hasAny hasSubstr indexOf indexOfAssumeSorted lambda length notEmpty range replicate
  reverse`,
  // Maps and tuples.
  `dotProduct extractKeyValuePairs extractKeyValuePairsWithEscaping flattenTuple map mapAdd
  mapAll mapApply mapConcat mapContainsKey mapContainsKeyLike mapContainsValue
  mapContainsValueLike mapExists mapExtractKeyLike mapExtractValueLike mapFilter mapFromArrays
  mapKeys mapPartialReverseSort mapPartialSort mapPopulateSeries mapReverseSort mapSort
  mapSubtract mapUpdate mapValues tuple tupleConcat tupleDivide tupleDivideByNumber tupleElement
  tupleHammingDistance tupleIntDiv tupleIntDivByNumber tupleIntDivOrZero
  tupleIntDivOrZeroByNumber tupleMinus tupleModulo tupleModuloByNumber tupleMultiply
  tupleMultiplyByNumber tupleNames tupleNegate tuplePlus tuplePositiveModuloByNumber
  tupleToNameValuePairs`,
  // JSON.
  `isValidJSON JSON_EXISTS JSON_QUERY JSON_VALUE JSONArrayLength JSONExtract JSONExtractArrayRaw
  JSONExtractArrayRawCaseInsensitive JSONExtractBool JSONExtractBoolCaseInsensitive
  JSONExtractCaseInsensitive JSONExtractFloat JSONExtractFloatCaseInsensitive JSONExtractInt
  JSONExtractIntCaseInsensitive JSONExtractKeys JSONExtractKeysAndValues
  JSONExtractKeysAndValuesCaseInsensitive JSONExtractKeysAndValuesRaw
  JSONExtractKeysAndValuesRawCaseInsensitive JSONExtractKeysCaseInsensitive JSONExtractRaw
  JSONExtractRawCaseInsensitive JSONExtractString JSONExtractStringCaseInsensitive
  JSONExtractUInt JSONExtractUIntCaseInsensitive JSONHas JSONKey JSONLength JSONMergePatch
  JSONType prettyPrintJSON simpleJSONExtractBool simpleJSONExtractFloat simpleJSONExtractInt
  simpleJSONExtractRaw simpleJSONExtractString simpleJSONExtractUInt simpleJSONHas toJSONString`,
  // Addresses, identifiers, places.
  `cutFragment cutIPv6 cutQueryString cutQueryStringAndFragment cutToFirstSignificantSubdomain
  cutToFirstSignificantSubdomainCustom cutToFirstSignificantSubdomainCustomRFC
  cutToFirstSignificantSubdomainCustomWithWWW cutToFirstSignificantSubdomainCustomWithWWWRFC
  cutToFirstSignificantSubdomainRFC cutToFirstSignificantSubdomainWithWWW
  cutToFirstSignificantSubdomainWithWWWRFC cutURLParameter cutWWW dateTime64ToSnowflakeID
  dateTimeToSnowflakeID dateTimeToUUIDv7 decodeURLComponent decodeURLFormComponent domain
  domainRFC domainWithoutWWW domainWithoutWWWRFC encodeURLComponent encodeURLFormComponent
  extractURLParameter extractURLParameterNames extractURLParameters firstSignificantSubdomain
  firstSignificantSubdomainCustom firstSignificantSubdomainCustomRFC
  firstSignificantSubdomainRFC fragment generateSnowflakeID generateUUIDv4 generateUUIDv7
  geoDistance geohashDecode geohashEncode greatCircleAngle greatCircleDistance IPv4CIDRToRange
  IPv4NumToString IPv4NumToStringClassC IPv4StringToNum IPv4StringToNumOrDefault
  IPv4StringToNumOrNull IPv4ToIPv6 IPv6CIDRToRange IPv6NumToString IPv6StringToNum
  IPv6StringToNumOrDefault IPv6StringToNumOrNull isIPAddressInRange isIPv4String isIPv6String
  netloc path pathFull pointInEllipses pointInPolygon port portRFC protocol queryString
  queryStringAndFragment snowflakeIDToDateTime snowflakeIDToDateTime64 toIPv4 toIPv4OrDefault
  toIPv4OrNull toIPv4OrZero toIPv6 toIPv6OrDefault toIPv6OrNull toIPv6OrZero topLevelDomain
  topLevelDomainRFC toUUIDOrDefault toUUIDOrNull URLHierarchy URLPathHierarchy UUIDNumToString
  UUIDStringToNum UUIDToNum UUIDv7ToDateTime`,
  // Hashes and encodings.
  `bin bitmaskToArray bitmaskToList bitPositionsToArray char cityHash64 farmFingerprint64
  farmHash64 halfMD5 hex hilbertDecode hilbertEncode intHash32 intHash64 javaHash
  javaHashUTF16LE jumpConsistentHash keccak256 kostikConsistentHash MD4 MD5 metroHash64
  mortonDecode mortonEncode murmurHash2_32 murmurHash2_64 murmurHash3_128 murmurHash3_32
  murmurHash3_64 RIPEMD160 SHA1 SHA224 SHA256 SHA384 SHA512 SHA512_256 sipHash128
  sipHash128Reference sipHash64 sqidDecode sqidEncode unbin unhex URLHash wyHash64 xxh3 xxh3_128
  xxHash32 xxHash64 xxHash64Spark`,
  // Distances and series.
  `cosineDistance financialInternalRateOfReturn financialInternalRateOfReturnExtended
  financialNetPresentValue financialNetPresentValueExtended L1Distance L1Norm L1Normalize
  L2Distance L2Norm L2Normalize L2SquaredDistance L2SquaredNorm LinfDistance LinfNorm
  LinfNormalize LpDistance LpNorm LpNormalize minSampleSizeContinuous minSampleSizeConversion
  seriesDecomposeSTL seriesOutliersDetectTukey`,
  // Numbers by chance.
  `rand rand64 randBernoulli randBinomial randCanonical randExponential randNormal randPoisson
  randUniform`,
  // Presentation and the server.
  `bar byteSize currentDatabase currentUser defaultValueOfArgumentType
  formatReadableDecimalSize formatReadableQuantity formatReadableSize formatReadableTimeDelta
  identity ignore isConstant materialize parseReadableSize parseReadableSizeOrNull
  parseReadableSizeOrZero parseTimeDelta rowNumberInAllBlocks rowNumberInBlock runningDifference
  runningDifferenceStartingWithFirstValue toColumnTypeName toTypeName uptime version
  visibleWidth`,
  // Other names of these.
  `array_remove array_to_string arrayAUC arrayPRAUC byteSlice CARDINALITY caseWithExpr
  caseWithoutExpr caseWithoutExpression ceiling CHAR_LENGTH CHARACTER_LENGTH concat_ws curdate
  current_database current_date current_timestamp current_user DATABASE date_bin DATE_DIFF
  date_diff DATE_FORMAT DATE_TRUNC DAY DAYOFMONTH DAYOFWEEK DAYOFYEAR distanceCosine distanceL1
  distanceL2 distanceL2Squared distanceLinf distanceLp extractAllGroups flatten FORMAT_BYTES
  FROM_BASE64 FROM_DAYS FROM_UNIXTIME from_utc_timestamp hasAllToken hasAnyToken HOUR INET6_ATON
  INET6_NTOA INET_ATON INET_NTOA instr isASCII JSON_ARRAY_LENGTH LAST_DAY lcase
  levenshteinDistance levenshteinDistanceUTF8 ln localtimestamp lpad ltrim MAP_FROM_ARRAYS
  mapContains mapFromString matchPhrase MICROSECOND mid MILLISECOND minSampleSizeContinous
  MINUTE mismatches mod modOrNull MONTH NANOSECOND NATURAL_SORT_KEY normalizeL1 normalizeL2
  normalizeLinf normalizeLp normL1 normL2 normL2Squared normLinf normLp OCTET_LENGTH pmod
  pmodOrNull positive_modulo positive_modulo_or_null power QUARTER rand32 REGEXP_EXTRACT
  regexp_instr REGEXP_MATCHES REGEXP_REPLACE REGEXP_SUBSTR regexpInstr removeAccentsUTF8 replace
  rpad rtrim scalarProduct SCHEMA SECOND session_user splitByAlpha sqid str_to_date str_to_map
  substr SUBSTRING_INDEX time_bucket TIMESTAMP_DIFF timestamp_diff timestampDiff TO_BASE64
  TO_DAYS TO_UNIXTIME to_utc_timestamp toStartOfFiveMinute trim truncate ucase unnest user
  UTC_timestamp vectorDifference vectorSum visitParamExtractBool visitParamExtractFloat
  visitParamExtractInt visitParamExtractRaw visitParamExtractString visitParamExtractUInt
  visitParamHas week width_bucket yandexConsistentHash YEAR yearweek`,
];

/** Aggregate and window functions. */
const AGGREGATE = `
  analysisOfVariance anova any any_respect_nulls any_value any_value_respect_nulls anyHeavy
  anyLast anyLast_respect_nulls anyLastRespectNulls anyRespectNulls anyValueRespectNulls
  approx_top_count approx_top_k approx_top_sum argAndMax argAndMin argMax argMin array_agg avg
  avgWeighted BIT_AND BIT_OR BIT_XOR boundingRatio categoricalInformationValue contingency corr
  corrMatrix corrStable count COVAR_POP COVAR_SAMP covarPop covarPopMatrix covarPopStable
  covarSamp covarSampMatrix covarSampStable cramersV cramersVBiasCorrected cume_dist deltaSum
  deltaSumTimestamp dense_rank denseRank entropy exponentialMovingAverage
  exponentialTimeDecayedAvg exponentialTimeDecayedCount exponentialTimeDecayedMax
  exponentialTimeDecayedSum first_value first_value_respect_nulls firstValueRespectNulls
  group_concat groupArray groupArrayInsertAt groupArrayIntersect groupArrayLast
  groupArrayMovingAvg groupArrayMovingSum groupArraySample groupArraySorted groupBitAnd
  groupBitmap groupBitmapAnd groupBitmapOr groupBitmapXor groupBitOr groupBitXor groupConcat
  groupUniqArray histogram intervalLengthSum kolmogorovSmirnovTest kurtPop kurtSamp lag
  lagInFrame largestTriangleThreeBuckets last_value last_value_respect_nulls
  lastValueRespectNulls lead leadInFrame lttb mannWhitneyUTest max max_by maxIntersections
  maxIntersectionsPosition maxMappedArrays meanZTest median medianBFloat16
  medianBFloat16Weighted medianDD medianDeterministic medianExact medianExactHigh medianExactLow
  medianExactWeighted medianExactWeightedInterpolated medianGK medianInterpolatedWeighted
  medianTDigest medianTDigestWeighted medianTiming medianTimingWeighted min min_by
  minMappedArrays nonNegativeDerivative nth_value ntile percent_rank percentRank quantile
  quantileBFloat16 quantileBFloat16Weighted quantileDD quantileDeterministic quantileExact
  quantileExactExclusive quantileExactHigh quantileExactInclusive quantileExactLow
  quantileExactWeighted quantileExactWeightedInterpolated quantileGK
  quantileInterpolatedWeighted quantiles quantilesBFloat16 quantilesBFloat16Weighted quantilesDD
  quantilesDeterministic quantilesExact quantilesExactExclusive quantilesExactHigh
  quantilesExactInclusive quantilesExactLow quantilesExactWeighted
  quantilesExactWeightedInterpolated quantilesGK quantilesInterpolatedWeighted quantilesTDigest
  quantilesTDigestWeighted quantilesTiming quantilesTimingWeighted quantileTDigest
  quantileTDigestWeighted quantileTiming quantileTimingWeighted rank rankCorr retention
  row_number sequenceCount sequenceMatch sequenceMatchEvents sequenceNextNode
  simpleLinearRegression singleValueOrNull skewPop skewSamp sparkBar sparkbar STD STDDEV
  STDDEV_POP STDDEV_SAMP stddevPop stddevPopStable stddevSamp stddevSampStable string_agg
  studentTTest studentTTestOneSample sum sumCount sumKahan sumMapFiltered
  sumMapFilteredWithOverflow sumMappedArrays sumMapWithOverflow sumWithOverflow theilsU topK
  topKWeighted uniq uniqCombined uniqCombined64 uniqExact uniqHLL12 uniqUpTo VAR_POP VAR_SAMP
  varPop varPopStable varSamp varSampStable welchTTest windowFunnel`;

/** What may follow the name of an aggregate function, several in a row, as in `quantilesOrNullIf`. */
const COMBINATORS = [
  'Array',
  'ArgMax',
  'ArgMin',
  'Distinct',
  'ForEach',
  'If',
  'Map',
  'Merge',
  'OrDefault',
  'OrNull',
  'Resample',
  'SimpleState',
  'State',
];

/** Table functions that make rows out of numbers. */
const TABLE = 'numbers generateSeries generate_series';

const ORDINARY_NAMES = namesOf(ORDINARY.join(' '));
const AGGREGATE_NAMES = namesOf(AGGREGATE);
const TABLE_NAMES = namesOf(TABLE);

/** Whether a person's own SQL may call `name`. Names are compared without regard to case. */
export function isAllowedFunction(name: string): boolean {
  return ORDINARY_NAMES.has(name.toLowerCase()) || isAggregate(name);
}

/** Whether a person's own SQL may read from the table function `name`. */
export function isAllowedTableFunction(name: string): boolean {
  return TABLE_NAMES.has(name.toLowerCase());
}

function isAggregate(name: string): boolean {
  if (AGGREGATE_NAMES.has(name.toLowerCase())) return true;
  return COMBINATORS.some(
    (combinator) =>
      name.endsWith(combinator) && isAggregate(name.slice(0, name.length - combinator.length)),
  );
}

function namesOf(text: string): ReadonlySet<string> {
  return new Set(text.toLowerCase().trim().split(/\s+/));
}
