// Package crash names the moments in which losing the process is worst: between a commit and what is told of it. A binary
// built with the tag chaos kills itself at the one that CRASH_AT names, for the tests of `make chaos`; in every other binary
// the calls are empty and CRASH_AT means nothing.
//
// Start with the points here; chaos.go is the killing.
package crash

// Point is a moment.
type Point string

// The points, in the order of a message's way (RELIABILITY.md §2).
const (
	BeforeInsert      Point = "before_insert"                    // a webhook was read and checked
	AfterInsert       Point = "after_commit_before_doorbell"     // its events are committed, no worker knows
	AfterDoorbell     Point = "after_doorbell_before_200"        // a worker knows, the provider does not
	AfterLaneLock     Point = "after_lane_lock"                  // a worker holds an account's lane
	BeforeLaneCommit  Point = "after_decide_before_lane_commit"  // it has decided about a batch
	AfterLaneCommit   Point = "after_lane_commit_before_news"    // the batch is committed, no screen knows
	AfterAssignCommit Point = "after_assign_commit_before_event" // somebody was given a conversation, no screen knows
	BeforeClaim       Point = "before_tx1"                       // there is something to send
	AfterClaim        Point = "after_tx1_before_http"            // it is claimed, and was not sent
	AfterWrite        Point = "after_http_write"                 // the provider has the request, perhaps
	AfterAnswer       Point = "after_http_reply_before_tx2"      // the provider took it, and only we know
	AfterSettle       Point = "after_tx2"                        // the outcome is committed, no screen knows
)

// Points are all of them.
var Points = []Point{
	BeforeInsert, AfterInsert, AfterDoorbell, AfterLaneLock, BeforeLaneCommit, AfterLaneCommit, AfterAssignCommit, BeforeClaim, AfterClaim,
	AfterWrite, AfterAnswer, AfterSettle,
}
