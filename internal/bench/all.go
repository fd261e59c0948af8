package bench

import "io"

// All is what `gatehouse bench all` measured, one after the other on the same instance, but for Recovery, which has one of its
// own.
type All struct {
	Ingest   Report         `json:"ingest"`
	Pipeline PipelineReport `json:"pipeline"`
	Overload OverloadReport `json:"overload"`
	Soak     SoakReport     `json:"soak"`
	Outbound OutboundReport `json:"outbound"`
	Routing  RoutingReport  `json:"routing"`
	Sockets  SocketsReport  `json:"sockets"`
	Seed     Seeded         `json:"seed"`
	Inbox    InboxReport    `json:"inbox"`
	Search   InboxReport    `json:"search_contacts"`
	Full     Report         `json:"ingest_over_history"` // Ingest again, over what Seed has written
	Recovery RecoveryReport `json:"recovery"`
	Ratio    float64        `json:"ratio"`      // of Ingest: accept / floor
	FullPart float64        `json:"full_ratio"` // of Full: accept over a history / accept before it
}

// Table writes the reports for people.
func (a All) Table(w io.Writer) error {
	for _, r := range []struct {
		name  string
		table func(io.Writer) error
	}{
		{"ingest", a.Ingest.Table},
		{"pipeline", a.Pipeline.Table},
		{"overload", a.Overload.Table},
		{"soak", a.Soak.Table},
		{"outbound", a.Outbound.Table},
		{"routing", a.Routing.Table},
		{"sockets", a.Sockets.Table},
		{"seed", a.Seed.Table},
		{"inbox", a.Inbox.Table},
		{"search (contacts by name and address; nothing else can be searched)", a.Search.Table},
		{"ingest over that history", a.Full.Table},
		{"recovery", a.Recovery.Table},
	} {
		if _, err := io.WriteString(w, "\n"+r.name+"\n"); err != nil {
			return err
		}
		if err := r.table(w); err != nil {
			return err
		}
	}
	return nil
}
