"""Pictures of graphs: what `Value.graph()` imports when it is called.

survey      which node is which: numbers, neurons (from the labels), uses
text        numbers, labels and colours as the reader sees them
scene       what is drawn, whoever draws it: shapes, edges, clusters
values      the scene of every value; collapsed: the scenes of neurons and of layers
dot         a scene as DOT; dotsvg: the SVG that Graphviz makes of it, labels put back
engines     native `dot`, or the embedded one (embedded), or the library's own grid
grid        positions without Graphviz; gridsvg: the writer
picture     Graph, what the user holds
"""
