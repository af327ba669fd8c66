-- The paths that ended in [from_ms, to_ms), and those that were touched last in it and are provisional.
SELECT
    arrayStringConcat(channels, '\n') AS joined,
    multiIf(last.2 = 1, 'conversion', last.1 + {lookback_ms:Int64} <= {watermark_ms:Int64}, 'null', 'provisional') AS ending,
    toUInt32(count()) AS paths,
    toFloat64(sumIf(last.5, last.2 = 1 AND last.4 = {currency:String})) AS value_minor
FROM ended
WHERE if(ending = 'null', last.1 + {lookback_ms:Int64}, last.1) >= {from_ms:Int64}
    AND if(ending = 'null', last.1 + {lookback_ms:Int64}, last.1) < {to_ms:Int64}
GROUP BY joined, ending
