-- Over the tables of compare.py, one query a line; sqlglot gives each the same lineage.
select * from a
select a.*, b.y from a join b on a.id=b.id
select * exclude (x) from a
select * replace (x+1 as x) from a
select * rename (x as z) from a
with t as (select id, x*2 as d from a) select d, id from t
with t as (select id, x*2 as d from a), u as (select d from t union all select id from b) select d from u
with recursive r(n, p) as (select id, x from a union all select n+1, p from r where n < 10) select n, p from r
with recursive r as (select id, parent from h where parent is null union all select h.id, r.parent from h join r on h.parent=r.id) select * from r
select id from a union select id from b
select id from a intersect select id from b
select id, x from a except select id, z from b
select (select max(y) from b) m from a
select (select max(y) from b where b.id=a.id) m from a
select (select x from c where c.id = a.id limit 1) + 1 as q from a
select id in (select id from b) q from a
select exists(select 1 from b where b.id=a.id) q from a
select id = any(select id from b) q from a
select id from a where x > (select avg(z) from b)
select id, x, y from a join b using (id)
select * from a join b using (id)
select id from a full join b using (id)
select a.id from a right join b using (id)
select id from a right join b using (id)
select * from a natural join b
select * from a natural left join c
select id, row_number() over (partition by x order by id) rn from a
select id, row_number() over (partition by x order by id) rn from a qualify rn = 1
select sum(x) over (order by id rows between 1 preceding and current row) s from a
select lag(x, 1, id) over (order by s) q from a
select sum(x) filter (where id > 3) q from a
select string_agg(s, ',' order by id) q from a
select count(*) n, count(x) c, count(distinct s) d from a
select x, grouping(x) g, sum(id) t from a group by rollup(x)
select case when x > 1 then s else 'n' end q from a
select case x when 1 then id when 2 then 0 end q from a
select coalesce(x, id) q, nullif(x, id) n, greatest(x,id) g from a
select cast(x as varchar) q, x::double d, try_cast(s as int) t from a
select st.p, st.q from n
select st from n
select l[1] q, l[1:2] r from n
select list_transform(l, v -> v + x) q from n
select list_transform(l, lambda v: v + x) q from n
select [v*2 for v in l if v > x] q from n
select list_filter(l, v -> v > 1) q from n
select unnest(l) u, id from n
select u.v from n, unnest(l) as u(v)
select id, u from n cross join unnest(n.l) as t(u)
select v.a, v.b from (values (1,2),(3,4)) v(a,b)
select v.a, a.x from (values (1,2),(3,4)) v(a,b) join a on a.id=v.b
select {'k': x, 'v': s} q from a
select struct_pack(k := x, v := s) q from a
select struct_pack(k := x, v := s).k q from a
select map([s],[x]) q from a
select [x, id] q from a
select x as "My X", "ID" from a
select A.X from A
select t.q from (select x as q from (select x from a)) t
select q from (select x, id from a) t(q, r)
select 1 as one, 'a' || 'b' as two
select current_date d, now() n from a
select x between id and 10 q from a
select x is null q, x in (1,2,id) r, s like 'a%' l, not (x>1) n from a
select extract(year from "on") y, date_trunc('month', "on") m, "on" + interval 1 day n from d
select "on" - until as q from d
select * from (select s, x from a) pivot (sum(x) for s in ('p','q'))
select * from a unpivot (v for n in (id, x))
from a select x
from a
select distinct x from a
select distinct on (id) id, x from a order by id, s
select x from a order by id limit 3
select a1.x + n.x q from a a1 join a n on a1.id = n.id
select a1.id from a a1, a a2
with t as (select * from a) select t1.x, t2.s from t t1 join t t2 on t1.id=t2.id
with a as (select id as x from b) select x from a
with t as materialized (select x from a) select x from t
select md5(s) h, sha256(s) h2 from a
select max(x) - min(x) q from a having count(*) > 1
select sum(x) q, s from a group by s having sum(id) > 3
select sum(x) q, s from a group by all
select arg_max(s, x) q, any_value(id) v, quantile_cont(x, 0.5) m from a
select percentile_cont(0.5) within group (order by x) q from a
select a.x from a semi join b on a.id=b.id
select a.x from a anti join b on a.id=b.id
select a.x, b.y from a asof join b on a.id >= b.id
select a.x, b.y from a positional join b
select a.x, b.y from a cross join b
select id from a where exists (select 1 from b where b.id = a.id and b.z > a.x)
select (select sum(z) from b where b.id = a.id) + (select count(*) from c where c.id=a.id) q from a
select case when exists (select 1 from b where b.id=a.id) then x else 0 end q from a
select case when id in (select id from b) then x else 0 end q from a
select sum(case when s='a' then x end) q from a
select x as y, y+1 as z from a
select x*2 as d, d+id as e from a
select x as k, count(*) m from a group by k
select ifnull(x, 0) q, if(id>1, x, 0) r from a
select s[1:2] q, substring(s, 1, x) r, s || id t from a
select concat(s, x, 'z') q, concat_ws('-', s, id) r, format('{}', x) f from a
select array_agg(x order by id desc) q, list(s) l, histogram(x) h from a
select json_object('k', x) q from a
select id from (select id from a union all select id from b union all select id from c) t
select (select (select max(z) from b where b.id = a.id)) q from a
select t.* from (select * from a join b using (id)) t
select count(*) over () n from a
select ntile(4) over (order by x) q, rank() over (partition by s order by x desc) r from a
select sum(sum(x)) over (partition by s) q from a group by s
select * from a tablesample 10%
select sum(distinct x) q from a
select bool_and(x > 1) q from a
select x // 2 q, x % 2 r, -x n, x ** 2 p, abs(x) a from a
select id from a where x in (select z from b union select id from c)
with a1 as (with b1 as (select id, z from b) select z from b1) select z from a1
select (with q as (select max(z) m from b) select m from q) v from a
select t.x from a as t(i, x, q)
select x.id from a x join (a y join b z on y.id=z.id) on x.id=y.id
select max(x) filter (where s = 'a') over (partition by id) q from a
select list_sum(list_transform(l, z -> z * id)) q from n
select list_reduce(l, (p, q) -> p + q) q from n
select st.q || s as k from n
select (st).p from n
select st['p'] from n
select n.st.p from n
select unnest([x, id]) q from a
select unnest(string_split(s, ',')) q, x from a
select t.w from a, unnest(string_split(a.s, ',')) t(w)
select id, ordinality from n, unnest(l) with ordinality as t(v, ordinality)
