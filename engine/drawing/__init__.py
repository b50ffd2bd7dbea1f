"""Pictures of graphs: what `Value.graph()` imports when it is called.

picture      Graph, what the user holds
survey       which node is which: numbers, neurons (from the labels), uses
scene        what is drawn, whoever draws it: shapes, edges, clusters
value_scene  the scene of every value; unit_scene: the scenes of neurons and of layers
text         numbers, labels and colours as the reader sees them
engines      who draws: native `dot`, the embedded one (embedded), or the library's own grid
dot          a scene as DOT, and the positions that Graphviz gave it; grid: positions without Graphviz
layout       sizes and positions, whoever found them; svg: the writer
"""
