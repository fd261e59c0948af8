package desk
type routeStore interface{}
type changeStore interface{}
type sendStore interface{}
type readStore interface{}
