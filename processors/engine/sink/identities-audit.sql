-- Recomputes weir.visitor_identities from the raw links alone: ids that links connect, in whatever way,
-- are one visitor. It follows docs/identity.md and shares nothing with the engine.
WITH RECURSIVE
    links AS
    (
        SELECT DISTINCT assumeNotNull(visitor_id) AS linked, assumeNotNull(`into`) AS other
        FROM weir.reference
        WHERE kind = 'identity' AND visitor_id != `into`
            AND event_id NOT IN (SELECT event_id FROM weir.identity_refusals)
    ),
    neighbours AS
    (
        SELECT linked AS id, other AS neighbour FROM links
        UNION ALL
        SELECT other, linked FROM links
        UNION ALL
        SELECT arrayJoin([linked, other]) AS id, id FROM links
    ),
    -- At every step an id takes the first of the names that its neighbours have: after as many steps as a
    -- visitor has ids, at most, all of them have the same.
    named AS
    (
        SELECT DISTINCT id, id AS name, 0 AS step FROM neighbours
        UNION ALL
        SELECT neighbours.id AS id, min(named.name) AS name, any(named.step) + 1 AS step
        FROM named
        INNER JOIN neighbours ON neighbours.neighbour = named.id
        WHERE named.step < {members_max:UInt8}
        GROUP BY neighbours.id
    ),
    visitors AS
    (
        SELECT id, min(name) AS visitor, id IN (SELECT linked FROM links) AS is_linked
        FROM named
        GROUP BY id
    ),
    survivors AS
    (
        SELECT visitor, if(countIf(NOT is_linked) > 0, minIf(id, NOT is_linked), min(id)) AS survivor
        FROM visitors
        GROUP BY visitor
    )
SELECT visitors.id AS visitor_token, survivors.survivor AS into_token
FROM visitors
INNER JOIN survivors ON survivors.visitor = visitors.visitor
WHERE visitors.id != survivors.survivor
