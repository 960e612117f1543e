-- schema: {"hits": {"watch_id": "BIGINT", "title": "VARCHAR", "event_time": "TIMESTAMP", "event_date": "DATE", "counter_id": "INT", "client_ip": "INT", "region_id": "INT", "user_id": "BIGINT", "url": "VARCHAR", "referer": "VARCHAR", "is_refresh": "SMALLINT", "resolution_width": "SMALLINT", "phone": "SMALLINT", "phone_model": "VARCHAR", "search_engine": "SMALLINT", "search_phrase": "VARCHAR", "traffic": "SMALLINT", "window_width": "SMALLINT", "url_hash": "BIGINT", "is_link": "SMALLINT"}}
-- In the shape of ClickBench: one wide table of clicks, counted and grouped.
select count(*) from hits
select count(*) as n from hits where phone <> 0
select sum(phone) as s, count(*) as n, avg(resolution_width) as w from hits
select avg(user_id) as a from hits
select count(distinct user_id) as u, count(distinct search_phrase) as p from hits
select min(event_date) as first, max(event_date) as last from hits
select phone, count(*) as n from hits where phone <> 0 group by phone order by count(*) desc
select region_id, count(distinct user_id) as u from hits group by region_id order by u desc limit 10
select region_id, sum(phone) as s, count(*) as c, avg(resolution_width) as w, count(distinct user_id) as u from hits group by region_id order by c desc limit 10
select phone, phone_model, count(distinct user_id) as u from hits where phone_model <> '' group by phone, phone_model order by u desc limit 10
select search_phrase, count(*) as c from hits where search_phrase <> '' group by search_phrase order by c desc limit 10
select user_id, extract(minute from event_time) as m, search_phrase, count(*) as c from hits group by user_id, m, search_phrase order by count(*) desc limit 10
select user_id from hits where user_id = 435
select search_phrase, min(url) as first, min(title) as t, count(*) as c, count(distinct user_id) as u from hits where title like '%a%' and url not like '%.b.%' and search_phrase <> '' group by search_phrase order by c desc limit 10
select * from hits where url like '%a%' order by event_time limit 10
select search_phrase from hits where search_phrase <> '' order by event_time, search_phrase limit 10
select counter_id, avg(strlen(url)) as l, count(*) as c from hits where url <> '' group by counter_id having count(*) > 1000 order by l desc limit 25
select regexp_replace(referer, '^https?://([^/]+)/.*$', '\1') as k, avg(length(referer)) as l, count(*) as c, min(referer) as first from hits where referer <> '' group by k having count(*) > 10 order by l desc
select sum(resolution_width) as a, sum(resolution_width + 1) as b, sum(resolution_width + 2) as c from hits
select search_engine, client_ip, count(*) as c, sum(is_refresh) as r, avg(resolution_width) as w from hits where search_phrase <> '' group by search_engine, client_ip order by c desc limit 10
select 1 as one, url, count(*) as c from hits group by 1, url order by c desc limit 10
select client_ip, client_ip - 1 as b, client_ip - 2 as c, count(*) as n from hits group by client_ip, client_ip - 1, client_ip - 2 order by n desc
select traffic, search_engine, case when search_engine = 0 and phone = 0 then referer else '' end as src, url as dst, count(*) as views from hits where counter_id = 62 and event_date >= date '2020-07-01' group by traffic, search_engine, src, dst order by views desc limit 10 offset 1000
select url_hash, event_date, count(*) as views from hits where traffic in (-1, 6) and is_link = 1 group by url_hash, event_date order by views desc limit 10 offset 100
select window_width, date_trunc('minute', event_time) as m, count(*) as views from hits group by date_trunc('minute', event_time), window_width order by date_trunc('minute', event_time)
