package postgres_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"gatehouse/internal/postgres/postgrestest"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// question is something that is asked of tables which grow for ever, how many of their rows the answer may touch, and by which
// plans it holds to that.
type question struct {
	name string
	sql  string
	args []any
	most int
	by   plans
	lane bool // asked over connections of lanes and deeds, which go by indexes
}

// plans are kinds of plans, each including the next.
type plans int

const (
	byAny     plans = iota // even one that was made while the tables were empty: a connection keeps it
	byGeneral              // one that was made for any arguments, once ANALYZE has seen the tables
	byOwn                  // one that was made for the arguments at hand
)

func TestNoPlanReadsMoreThanItsAnswerNeeds(t *testing.T) {
	t.Parallel()
	s := postgrestest.New(t)
	all := slices.Concat(laneQuestions(), sendQuestions(), routeQuestions(), pruneQuestions(), vitalQuestions(), readQuestions(), listQuestions(), searchQuestions())
	desk, lane := ask(t, s.Pool(), "force_generic_plan"), ask(t, s.Lane(), "force_generic_plan")
	for i, q := range all {
		if q.by == byAny {
			a := q.asker(desk, lane)
			a.prepare(t, i, q)
			a.check(t, i, q)
		}
	}
	fill(t, s)
	t.Run("made while the database was empty", func(t *testing.T) {
		for i, q := range all {
			if q.by == byAny {
				q.asker(desk, lane).check(t, i, q)
			}
		}
	})
	do := func(statements ...string) {
		t.Helper()
		for _, sql := range statements {
			if _, err := s.Lane().Exec(t.Context(), sql); err != nil {
				t.Fatal(err)
			}
		}
	}
	t.Run("made in the evening, when nothing was open", func(t *testing.T) {
		do(`CREATE TABLE day AS SELECT id, status, waiting_since, ended_at FROM conversations WHERE status <> 'closed'`,
			`UPDATE conversations SET status = 'closed', waiting_since = NULL, ended_at = now() WHERE status <> 'closed'`, "VACUUM ANALYZE")
		desk, lane := ask(t, s.Pool(), "force_generic_plan"), ask(t, s.Lane(), "force_generic_plan")
		for i, q := range all {
			if q.by == byAny {
				a := q.asker(desk, lane)
				a.prepare(t, i, q)
				a.run(t, i, q)
			}
		}
		do(`UPDATE conversations c SET status = d.status, waiting_since = d.waiting_since, ended_at = d.ended_at FROM day d WHERE d.id = c.id`)
		for i, q := range all {
			if q.by == byAny {
				q.asker(desk, lane).check(t, i, q)
			}
		}
	})
	do("ANALYZE")
	for mode, weakest := range map[string]plans{"force_generic_plan": byGeneral, "force_custom_plan": byOwn} {
		t.Run(mode, func(t *testing.T) {
			desk, lane := ask(t, s.Pool(), mode), ask(t, s.Lane(), "force_generic_plan")
			for i, q := range all {
				if q.by <= weakest {
					a := q.asker(desk, lane)
					a.prepare(t, i, q)
					a.check(t, i, q)
				}
			}
		})
	}
}

// By a plan that counts what an agent holds by the index of pairs, each agent's count walks all that is open. While next to nothing is, such a
// plan costs no more than another.
func TestTheIndexOfPairsIsUsedByNobodyElse(t *testing.T) {
	t.Parallel()
	s := postgrestest.New(t)
	if _, err := s.Lane().Exec(t.Context(), "DROP INDEX conversations_mine"); err != nil { // which is the better one
		t.Fatal(err)
	}
	a := ask(t, s.Lane(), "force_generic_plan")
	for i, q := range routeQuestions() {
		a.prepare(t, i, q)
		if _, _, text := a.run(t, i, q); strings.Contains(text, "conversations_open") {
			t.Errorf("%s:\n%s", q.name, text)
		}
	}
}

func (q question) asker(desk, lane *asker) *asker {
	if q.lane {
		return lane
	}
	return desk
}

// asker is a connection with its prepared questions.
type asker struct{ conn *pgx.Conn }

func ask(t *testing.T, pool *pgxpool.Pool, mode string) *asker {
	t.Helper()
	c, err := pool.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	conn := c.Hijack()
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	for _, sql := range []string{"SET plan_cache_mode = " + mode, fmt.Sprintf("SET gatehouse.lane = '%s'", of(accountID, 1))} {
		if _, err := conn.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	return &asker{conn}
}

func (a *asker) prepare(t *testing.T, n int, q question) {
	t.Helper()
	if _, err := a.conn.Exec(t.Context(), fmt.Sprintf("PREPARE q%d AS %s", n, q.sql)); err != nil {
		t.Fatalf("%s: %v\n%s", q.name, err, q.sql)
	}
}

// check runs the question and looks at how it was answered.
func (a *asker) check(t *testing.T, n int, q question) {
	t.Helper()
	read, whole, text := a.run(t, n, q)
	if whole != "" {
		t.Errorf("%s: reads all of %s\n%s", q.name, whole, text)
	} else if read > q.most {
		t.Errorf("%s: touches %d rows, may %d\n%s", q.name, read, q.most, text)
	}
}

// run asks the question and undoes what it did. It tells how many rows were touched, and of which table all were.
func (a *asker) run(t *testing.T, n int, q question) (read int, whole, text string) {
	t.Helper()
	call := fmt.Sprintf("EXECUTE q%d", n)
	if len(q.args) > 0 {
		call += "(" + a.literals(t, q) + ")"
	}
	tx, err := a.conn.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback(context.Background()) }()
	var out []struct{ Plan plan }
	var raw []byte
	if err := tx.QueryRow(t.Context(), "EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) "+call).Scan(&raw); err != nil {
		t.Fatalf("%s: %v", q.name, err)
	}
	if err := json.Unmarshal(raw, &out); err != nil {
		t.Fatal(err)
	}
	out[0].Plan.walk(func(p plan) {
		if p.big() {
			read += p.touched()
			if p.Node == "Seq Scan" && p.touched() > 0 { // an empty partition may be looked at in any way
				whole = p.Relation
			}
		}
	})
	return read, whole, out[0].Plan.text("")
}

// literals writes the arguments as SQL, in the types that the statement gave them.
func (a *asker) literals(t *testing.T, q question) string {
	t.Helper()
	d, err := a.conn.Prepare(t.Context(), "", q.sql)
	if err != nil {
		t.Fatalf("%s: %v", q.name, err)
	}
	var out []string
	for i, v := range q.args {
		b, err := a.conn.TypeMap().Encode(d.ParamOIDs[i], pgx.TextFormatCode, v, nil)
		if err != nil {
			t.Fatalf("%s: $%d: %v", q.name, i+1, err)
		}
		if b == nil {
			out = append(out, "NULL")
			continue
		}
		out = append(out, "'"+strings.ReplaceAll(string(b), "'", "''")+"'")
	}
	return strings.Join(out, ", ")
}

// plan is a node of EXPLAIN's answer.
type plan struct {
	Node     string  `json:"Node Type"`
	Relation string  `json:"Relation Name"`
	Index    string  `json:"Index Name"`
	Rows     float64 `json:"Actual Rows"`
	Loops    float64 `json:"Actual Loops"`
	Filtered float64 `json:"Rows Removed by Filter"`
	Recheck  float64 `json:"Rows Removed by Index Recheck"`
	Plans    []plan
}

// grows are the tables that grow with the history; the partitioned ones by the beginning of their partitions' names.
var grows = []string{
	"messages", "conversations", "conversation_events", "contacts", "identities", "provider_ids", "inbound_events", "inbound_pending",
	"attachments", "reactions", "assignments", "parked_updates", "idempotency_keys", "visitors",
	"vital_minutes", "account_minutes",
}

func (p plan) big() bool {
	if p.Node == "ModifyTable" || p.Loops == 0 && p.Node != "Seq Scan" {
		return false
	}
	for _, name := range grows {
		if p.Relation == name || strings.HasPrefix(p.Relation, name+"_") && strings.Trim(p.Relation[len(name):], "_0123456789") == "" {
			return true
		}
	}
	return false
}

func (p plan) touched() int { return int(p.Loops * (p.Rows + p.Filtered + p.Recheck)) }

func (p plan) walk(f func(plan)) {
	f(p)
	for _, c := range p.Plans {
		c.walk(f)
	}
}

func (p plan) text(indent string) string {
	s := fmt.Sprintf("%s%s %s %s: %d rows\n", indent, p.Node, p.Relation, p.Index, p.touched())
	for _, c := range p.Plans {
		s += c.text(indent + "  ")
	}
	return s
}
